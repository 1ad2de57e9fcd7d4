package web_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// provider is a provider of OpenID Connect, of a certified library, with a page where people log in. Its tokens say who somebody is; what
// else it knows of them must be asked for.
type provider struct {
	*storage.Storage
	t      testing.TB
	issuer string
	people map[string]*storage.User // by subject
	groups map[string][]string      // by subject
}

const (
	providerClient = "streetpulse"
	providerSecret = "a secret of the city's"
)

// newProvider serves one that sends people back to an address.
func newProvider(t testing.TB, back string) *provider {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	p := &provider{t: t, issuer: "http://" + server.Listener.Addr().String(), people: map[string]*storage.User{}, groups: map[string][]string{}}
	p.Storage = storage.NewStorageWithClients(p, map[string]*storage.Client{providerClient: storage.WebClient(providerClient, providerSecret, back)})
	server.Config.Handler = exampleop.SetupServer(p.issuer, p, nil, false, op.WithAllowInsecure())
	server.Start()
	t.Cleanup(server.Close)
	return p
}

func (p *provider) GetUserByID(subject string) *storage.User { return p.people[subject] }

func (p *provider) GetUserByUsername(name string) *storage.User {
	for _, u := range p.people {
		if u.Username == name {
			return u
		}
	}
	return nil
}

func (p *provider) ExampleClientID() string { return "nobody" }

// SetUserinfoFromToken answers who asks about somebody: with their groups as well.
func (p *provider) SetUserinfoFromToken(ctx context.Context, info *oidc.UserInfo, token, subject, origin string) error {
	if err := p.Storage.SetUserinfoFromToken(ctx, info, token, subject, origin); err != nil {
		return err
	}
	info.AppendClaims("groups", p.groups[info.Subject])
	return nil
}

// logIn goes where a city sends somebody, fills in the form there, and returns where they are sent back to; or what the page says.
func (p *provider) logIn(address, name, password string) (back, said string) {
	p.t.Helper()
	client := &http.Client{CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), p.issuer) {
			return nil
		}
		return http.ErrUseLastResponse
	}}
	page := func(answer *http.Response, err error) (string, *http.Response) {
		if err != nil {
			p.t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			p.t.Fatal(err)
		}
		return string(text), answer
	}
	form, answer := page(client.Get(address))
	id := regexp.MustCompile(`name="id" value="([^"]+)"`).FindStringSubmatch(form)
	if id == nil {
		p.t.Fatalf("no form to log in: %s", form)
	}
	said, answer = page(client.PostForm(answer.Request.URL.String(), url.Values{"username": {name}, "password": {password}, "id": {id[1]}}))
	return answer.Header.Get("Location"), said
}
