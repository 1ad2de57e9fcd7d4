package web

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/city"
)

type lookInput struct {
	asked
	Spoken
	Body struct {
		Accent  string `json:"accent" maxLength:"7" doc:"as #0a4c94, with a contrast of 4.5 to 1 on white; empty: as delivered"`
		Logo    []byte `json:"logo,omitempty" doc:"PNG, JPEG or WebP in base64; left out: the one that there is"`
		Remove  bool   `json:"remove_logo,omitempty"`
		Version int64  `json:"version" minimum:"1" doc:"that was seen; where it is another by now, nothing is changed (409)"`
	}
}

type lookBody struct {
	Accent  string `json:"accent"`
	Logo    bool   `json:"logo"`
	Width   int    `json:"width"`
	Height  int    `json:"height"`
	Version int64  `json:"version"`
}

func (s *Server) registerLook(api huma.API) {
	huma.Register(api, s.guarded(api, access.Administer, "get-look", http.MethodGet, "/settings/look", "How the city's pages look"),
		func(ctx context.Context, _ *ownInput) (*struct{ Body lookBody }, error) {
			l, err := city.LoadLook(ctx, s.config.Pool)
			if err != nil {
				return nil, s.failed(ctx, "look", err)
			}
			return &struct{ Body lookBody }{lookBody(l)}, nil
		})
	change := s.guarded(api, access.Administer, "change-look", http.MethodPut, "/settings/look", "Set it", 409, 422)
	change.MaxBodyBytes = 2*mostLogoBytes + 64<<10
	huma.Register(api, change, each(s, (*face).apiChangeLook, func(in *lookInput) Spoken { return in.Spoken }))
}

func (s *face) apiChangeLook(ctx context.Context, in *lookInput) (*struct{ Body lookBody }, error) {
	after, err := s.saveLook(ctx, lookGiven(in.Body))
	if err != nil {
		return nil, s.laid(ctx, "look", overtaken(err, after.Version))
	}
	return &struct{ Body lookBody }{lookBody(after)}, nil
}
