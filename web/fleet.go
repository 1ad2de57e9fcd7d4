package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/ingest"
)

const devicesOnAPage = 100

// devicesView lists the devices.
type devicesView struct {
	head
	Section string
	Search  ingest.DeviceSearch
	Fleet   ingest.Fleet
	Wrong   int // devices that somebody should look at
	Healths []ingest.Health
	Devices []ingest.Seen
	Older   string
	Notice  string
	Codes   codesView
}

func (s *face) devicesPage(w http.ResponseWriter, r *http.Request) error {
	return s.showDevices(w, r, http.StatusOK, func(v *devicesView) {
		if r.URL.Query().Get("done") == "code" {
			v.Notice = s.texts.T("codes.done.revoke")
		}
	})
}

// showDevices shows the list as it is asked for, with more.
func (s *face) showDevices(w http.ResponseWriter, r *http.Request, status int, more func(*devicesView)) error {
	q, now := r.URL.Query(), s.config.Now()
	v := &devicesView{head: head{Page: "devices", Title: s.texts.T("admin.devices")}, Section: "devices", Healths: ingest.Healths(),
		Search: ingest.DeviceSearch{Query: strings.TrimSpace(q.Get("q")), Kind: q.Get("kind"), Firmware: q.Get("firmware"), Fleet: q.Get("fleet"),
			Health: ingest.Health(q.Get("health")), After: q.Get("after"), Limit: devicesOnAPage + 1}}
	if v.Search.Health != "" && !slices.Contains(v.Healths, v.Search.Health) {
		return badRequest("There is no such health.")
	}
	var err error
	if v.Fleet, err = ingest.CountDevices(r.Context(), s.config.Pool, now); err != nil {
		return err
	}
	for h, n := range v.Fleet.Health {
		if h.Wrong() {
			v.Wrong += n
		}
	}
	if v.Devices, err = ingest.SearchDevices(r.Context(), s.config.Pool, v.Search, now); err != nil {
		return err
	}
	if len(v.Devices) > devicesOnAPage {
		v.Devices = v.Devices[:devicesOnAPage]
		q.Set("after", v.Devices[devicesOnAPage-1].ID)
		q.Del("done")
		v.Older = "/admin/devices?" + q.Encode()
	}
	if v.Codes, err = s.codes(r.Context()); err != nil {
		return err
	}
	more(v)
	return s.render(w, r, status, "base", v)
}

// deviceView is one device.
type deviceView struct {
	head
	Section string
	Device  ingest.Seen
	Log     []logLine
	Notice  string
}

func (s *face) devicePage(w http.ResponseWriter, r *http.Request) error {
	d, err := ingest.FindDevice(r.Context(), s.config.Pool, r.PathValue("id"), s.config.Now())
	if errors.Is(err, ingest.ErrNoDevice) {
		return errHidden
	}
	if err != nil {
		return err
	}
	v := &deviceView{head: head{Page: "device", Title: d.ID}, Section: "devices", Device: d}
	if r.URL.Query().Get("done") == "revoke" {
		v.Notice = s.texts.T("device.done.revoke")
	}
	if v.Log, err = s.readLog(r.Context(), access.Search{What: d.ID, Limit: 20}); err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, "base", v)
}

func (s *face) devicePost(w http.ResponseWriter, r *http.Request) error {
	if err := readFields(w, r); err != nil {
		return err
	}
	id := r.PathValue("id")
	if r.PostForm.Get("do") != "revoke" {
		return badRequest("do is revoke.")
	}
	err := s.revokeDevice(r.Context(), id)
	if errors.Is(err, ingest.ErrNoDevice) {
		return errHidden
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/admin/devices/"+url.PathEscape(id)+"?done=revoke", http.StatusSeeOther)
	return nil
}

// revokeDevice takes a device's access away, as who is logged in.
func (s *Server) revokeDevice(ctx context.Context, id string) error {
	by, _ := personOf(ctx)
	defer s.credentials.Forget(id)
	return pgx.BeginFunc(ctx, s.config.Pool, func(tx pgx.Tx) error {
		if err := ingest.Revoke(ctx, tx, id, s.config.Now()); err != nil {
			return err
		}
		return access.Record(ctx, tx, access.Entry{At: s.config.Now(), Person: by.ID, Action: "device.revoke", What: id, Detail: strings.TrimSpace(byKey(ctx, ""))})
	})
}
