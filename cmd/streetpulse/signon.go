package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/web"
)

// signOnFlags are those of another service that logs people in.
type signOnFlags struct {
	Issuer       string                 `name:"oidc-issuer" help:"Let people log in by this OpenID Connect provider as well. Needs --public-url; the provider sends people back to its /login/oidc/callback." placeholder:"URL"`
	ClientID     string                 `name:"oidc-client-id" help:"What this server is called there." placeholder:"ID"`
	ClientSecret string                 `name:"oidc-client-secret" help:"Its secret there; better in the environment, or in a file." placeholder:"SECRET"`
	SecretFile   string                 `name:"oidc-client-secret-file" help:"The file with that secret." placeholder:"FILE"`
	RoleClaim    string                 `name:"oidc-role-claim" help:"The provider's claim that tells what people may do here, as groups. Without one that is decided here." placeholder:"CLAIM"`
	RoleOf       map[string]access.Role `name:"oidc-roles" mapsep:"," help:"What the claim's values mean: the highest counts, who has none is a resident." placeholder:"VALUE=ROLE,…"`
}

func (f signOnFlags) checkSignOn(publicURL string) error {
	if f.Issuer == "" {
		return nil
	}
	if f.ClientID == "" || publicURL == "" {
		return fmt.Errorf("%w: --oidc-issuer needs --oidc-client-id and --public-url", errUsage)
	}
	for value, r := range f.RoleOf {
		if _, err := access.ParseRole(string(r)); err != nil {
			return fmt.Errorf("%w: --oidc-roles: %s: %w", errUsage, value, err)
		}
	}
	return nil
}

// signOn makes the other way to log in, nil where there is none.
func (f signOnFlags) signOn(url string) (*access.SignOn, error) {
	if f.Issuer == "" {
		return nil, nil
	}
	secret := f.ClientSecret
	if f.SecretFile != "" {
		b, err := os.ReadFile(f.SecretFile)
		if err != nil {
			return nil, fmt.Errorf("--oidc-client-secret-file: %w", err)
		}
		secret = strings.TrimSpace(string(b))
	}
	return access.NewSignOn(access.SignOnOptions{Issuer: f.Issuer, ClientID: f.ClientID, ClientSecret: secret, Redirect: web.SignOnReturn(url),
		RoleClaim: f.RoleClaim, Roles: f.RoleOf})
}
