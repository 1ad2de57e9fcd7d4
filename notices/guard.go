package notices

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
)

// Errors of addresses that nothing is sent to: they are inside networks, or public and not behind TLS.
var (
	errInside = errors.New("the address is not public, and in no network that is allowed")
	errPlain  = errors.New("to public addresses things are sent over https only")
)

// notPublic are the networks that are no part of the public internet (IANA's registries of special-purpose addresses, RFC 6890), beyond
// those that net/netip can name.
func notPublic() []string {
	return []string{"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"2001::/23", "2001:db8::/32", "2002::/16"}
}

// mayReach says why nothing is sent to an address, nil where it may be. It is asked when a connection is made, with the address that the
// name has by then: whoever owns the name could have changed it since it was registered.
func mayReach(ip netip.Addr, scheme string, inside []netip.Prefix) error {
	ip = ip.Unmap().WithZone("")
	if slices.ContainsFunc(inside, func(p netip.Prefix) bool { return p.Contains(ip) }) {
		return nil
	}
	if scheme != "https" {
		return errPlain
	}
	if !public(ip) {
		return fmt.Errorf("%s: %w", ip, errInside)
	}
	return nil
}

func public(ip netip.Addr) bool {
	if ip.Is6() {
		if nat64 := netip.MustParsePrefix("64:ff9b::/96"); nat64.Contains(ip) { // an IPv4 address behind it
			b := ip.As16()
			return public(netip.AddrFrom4([4]byte(b[12:])))
		}
		if !netip.MustParsePrefix("2000::/3").Contains(ip) {
			return false
		}
	}
	if !ip.IsValid() || !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return false
	}
	return !slices.ContainsFunc(notPublic(), func(p string) bool { return netip.MustParsePrefix(p).Contains(ip) })
}
