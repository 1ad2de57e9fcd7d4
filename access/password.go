package access

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// Cost is what one guess at a password costs with Argon2id.
type Cost struct {
	MemoryKiB, Passes uint32
	Lanes             uint8
}

// Usual is OWASP's least for Argon2id (Password Storage Cheat Sheet): 19 MiB, two passes, one lane.
func Usual() Cost { return Cost{MemoryKiB: 19 << 10, Passes: 2, Lanes: 1} }

const (
	saltBytes, hashBytes = 16, 32

	// LeastPassword is how many letters a password has at least (NIST SP 800-63B asks for length and nothing else).
	LeastPassword = 12
	mostPassword  = 1000 // bytes
	leastDistinct = 5    // different letters
)

// ErrWeak is returned for a password that is too short, too long, or too easily guessed.
var ErrWeak = errors.New("the password is too easily guessed")

// checkPassword returns ErrWeak, or nil for a password that may be used by the owner of an address.
func checkPassword(password, email string) error {
	distinct := map[rune]bool{}
	for _, r := range password {
		distinct[r] = true
	}
	local, _, _ := strings.Cut(email, "@")
	small := strings.ToLower(password)
	switch {
	case utf8.RuneCountInString(password) < LeastPassword, len(password) > mostPassword, len(distinct) < leastDistinct,
		small == email, len(local) >= LeastPassword-4 && strings.Contains(small, local):
		return ErrWeak
	}
	return nil
}

// normal writes a password as all keyboards do: an ä can be one sign or two.
func normal(password string) []byte { return norm.NFC.Bytes([]byte(password)) }

// derive hashes a password at a cost.
func derive(password string, c Cost) string {
	salt := random(saltBytes)
	return written(salt, argon2.IDKey(normal(password), salt, c.Passes, c.MemoryKiB, c.Lanes, hashBytes), c)
}

// nobodys is what a hash at a cost looks like, though of no password: to find that out takes as long as for any other.
func nobodys(c Cost) string { return written(random(saltBytes), random(hashBytes), c) }

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

// written is the usual form of a hash: $argon2id$v=19$m=…,t=…,p=…$salt$hash.
func written(salt, hash []byte, c Cost) string {
	b := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.MemoryKiB, c.Passes, c.Lanes, b.EncodeToString(salt), b.EncodeToString(hash))
}

// matches says whether a password is the hashed one, and whether the hash is of another cost than today's.
func matches(stored, password string, today Cost) (ok, old bool, err error) {
	var version int
	var c Cost
	parts := strings.Split(stored, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false, false, errors.New("a stored password is not of Argon2id")
	}
	if _, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &c.MemoryKiB, &c.Passes, &c.Lanes); err != nil || version != argon2.Version {
		return false, false, fmt.Errorf("a stored password's parameters: %w", err)
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return false, false, fmt.Errorf("a stored password's salt: %w", err)
	}
	want, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil {
		return false, false, fmt.Errorf("a stored password: %w", err)
	}
	got := argon2.IDKey(normal(password), salt, c.Passes, c.MemoryKiB, c.Lanes, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1, c != today, nil
}
