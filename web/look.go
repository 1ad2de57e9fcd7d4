package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"golang.org/x/image/draw"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/city"
	"github.com/streetpulse/streetpulse/dispatch"
)

const (
	lookPath       = "/admin/settings/look"
	mostLogoBytes  = 2 << 20
	mostLogoSide   = 6000
	leastLogoSide  = 24
	keptLogoWidth  = 640 // pixels: it is shown at a quarter of that, so that it is sharp on every screen
	keptLogoHeight = 112
	legible        = 4.5 // WCAG 2.2, 1.4.3: contrast of text (AA)
)

// The papers of both themes, as in tokens.css: what the accent stands on, and what is written on it.
func lightPaper() color.RGBA { return color.RGBA{0xFF, 0xFF, 0xFF, 0xFF} }
func darkPaper() color.RGBA  { return color.RGBA{0x14, 0x18, 0x1A, 0xFF} }

// lookView is what the settings' page says of the look.
type lookView struct {
	city.Look
	Light, Dark string // the accent as it is in both themes; empty: as delivered
	Wrong       map[string]string
	Changed     *logLine
}

// luminance is that of WCAG 2.2.
func luminance(c color.RGBA) float64 {
	part := func(v uint8) float64 {
		x := float64(v) / 255
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	return 0.2126*part(c.R) + 0.7152*part(c.G) + 0.0722*part(c.B)
}

func contrast(a, b color.RGBA) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// parseAccent reads #rrggbb or #rgb.
func parseAccent(text string) (color.RGBA, bool) {
	hex, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(text)), "#")
	if len(hex) == 3 {
		hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
	}
	n, err := strconv.ParseUint(hex, 16, 32)
	if !ok || err != nil || len(hex) != 6 {
		return color.RGBA{}, false
	}
	return color.RGBA{uint8(n >> 16), uint8(n >> 8), uint8(n), 0xFF}, true
}

func hexOf(c color.RGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

// byNight is the accent in the dark theme: itself, made lighter until it can be read there.
func byNight(c color.RGBA) color.RGBA {
	out := c
	for i := 1; i <= 50 && contrast(out, darkPaper()) < legible; i++ {
		lighter := func(v uint8) uint8 { return uint8(float64(v) + (255-float64(v))*float64(i)/50) }
		out = color.RGBA{lighter(c.R), lighter(c.G), lighter(c.B), 0xFF}
	}
	return out
}

// lookFile serves /look/{file}: the city's colours, or its logo. The address changes with them.
func (s *Server) lookFile(w http.ResponseWriter, r *http.Request) {
	l := s.look()
	switch r.PathValue("file") {
	case fmt.Sprintf("%d.css", l.Version):
		c, ok := parseAccent(l.Accent)
		if !ok {
			break
		}
		night := hexOf(byNight(c))
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		fmt.Fprintf(w, ":root{--accent:%s;--on-accent:%s}\n@media (prefers-color-scheme:dark){:root:not([data-theme=light]){--accent:%s;--on-accent:%s}}\n:root[data-theme=dark]{--accent:%[3]s;--on-accent:%[4]s}\n",
			hexOf(c), hexOf(lightPaper()), night, hexOf(darkPaper()))
		return
	case fmt.Sprintf("%d.png", l.Version):
		logo, err := city.Logo(r.Context(), s.config.Pool)
		if err != nil || logo == nil {
			break
		}
		w.Header().Set("Content-Type", "image/png")
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		_, _ = w.Write(logo)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	http.NotFound(w, r)
}

// readLogo draws a picture anew as a small PNG, so that nothing of the file is left but the picture. It returns a photoError.
func (s *Server) readLogo(ctx context.Context, b []byte) ([]byte, image.Point, error) {
	if len(b) > mostLogoBytes {
		return nil, image.Point{}, photoLarge
	}
	switch http.DetectContentType(b) {
	case "image/jpeg", "image/png", "image/webp":
	default:
		return nil, image.Point{}, photoKind
	}
	config, _, err := image.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return nil, image.Point{}, photoBroken
	}
	if max(config.Width, config.Height) > mostLogoSide || min(config.Width, config.Height) < leastLogoSide || !decodingFits(b, config) {
		return nil, image.Point{}, photoHuge
	}
	done, err := s.cityPhotos.begin(ctx)
	if err != nil {
		return nil, image.Point{}, err
	}
	defer done()
	in, _, err := image.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, image.Point{}, photoBroken
	}
	size := in.Bounds().Size()
	share := min(1, keptLogoWidth/float64(size.X), keptLogoHeight/float64(size.Y))
	size = image.Pt(max(1, int(share*float64(size.X))), max(1, int(share*float64(size.Y))))
	out := image.NewNRGBA(image.Rectangle{Max: size})
	draw.CatmullRom.Scale(out, out.Bounds(), in, in.Bounds(), draw.Src, nil)
	var file bytes.Buffer
	if err := png.Encode(&file, out); err != nil {
		return nil, size, fmt.Errorf("encode a logo: %w", errors.Join(photoBroken, err))
	}
	return file.Bytes(), size, nil
}

// lookGiven is a look as somebody wants it.
type lookGiven struct {
	Accent  string
	Logo    []byte // as it was sent; empty: the one that there is
	Remove  bool   // of the logo
	Version int64
}

// saveLook checks a look and stores it, as who is logged in. It returns dispatch.Faults, or city.ErrChanged beside the look that stands.
func (s *Server) saveLook(ctx context.Context, g lookGiven) (after city.Look, err error) {
	var faults dispatch.Faults
	set := city.Look{Logo: !g.Remove, Version: g.Version}
	if text := strings.TrimSpace(g.Accent); text != "" {
		c, ok := parseAccent(text)
		switch {
		case !ok:
			faults = append(faults, dispatch.NewFault("accent", "accent", "a colour is written as #0a4c94"))
		case contrast(c, lightPaper()) < legible:
			faults = append(faults, dispatch.NewFault("accent", "contrast", "on white it has a contrast of {n} to 1, and words need {least}",
				"n", strconv.FormatFloat(math.Floor(10*contrast(c, lightPaper()))/10, 'f', 1, 64), "least", legible))
		default:
			set.Accent = hexOf(c)
		}
	}
	var logo []byte
	if len(g.Logo) > 0 {
		var size image.Point
		logo, size, err = s.readLogo(ctx, g.Logo)
		var why photoError
		if errors.As(err, &why) {
			faults = append(faults, dispatch.NewFault("logo", "logo."+string(why), "a logo is a PNG, JPEG or WebP of at most {mb} MB, and {least} to {most} pixels on each side",
				"mb", mostLogoBytes>>20, "least", leastLogoSide, "most", mostLogoSide))
		} else if err != nil {
			return set, err
		}
		set.Width, set.Height = size.X, size.Y
	}
	if len(faults) > 0 {
		return set, faults
	}
	err = s.administering(ctx, func(tx pgx.Tx) (access.Entry, error) {
		before, changed, err := city.ChangeLook(ctx, tx, set, logo, changesChannel)
		after = changed
		return access.Entry{Action: "settings.look", What: fmt.Sprint("look-", changed.Version), Detail: lookSince(before, changed, logo != nil)}, err
	})
	if err == nil {
		s.settingsChanged()
	}
	return after, err
}

// lookSince says in words what is different, for the log.
func lookSince(before, after city.Look, fresh bool) string {
	var out []string
	word := func(accent string) string {
		if accent == "" {
			return "(as delivered)"
		}
		return accent
	}
	if before.Accent != after.Accent {
		out = append(out, "accent: "+word(before.Accent)+" → "+word(after.Accent))
	}
	switch {
	case fresh:
		out = append(out, fmt.Sprintf("logo: a new one, %d × %d pixels", after.Width, after.Height))
	case before.Logo && !after.Logo:
		out = append(out, "logo: (as delivered)")
	}
	return strings.Join(out, "; ")
}

func (s *face) lookOf(l city.Look) lookView {
	v := lookView{Look: l, Wrong: map[string]string{}}
	if c, ok := parseAccent(l.Accent); ok {
		v.Light, v.Dark = hexOf(c), hexOf(byNight(c))
	}
	return v
}

func (s *face) lookPost(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, mostLogoBytes+64<<10)
	var g lookGiven
	err := r.ParseMultipartForm(mostLogoBytes + 64<<10)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return s.showLook(w, r, http.StatusUnprocessableEntity, g, dispatch.Faults{dispatch.NewFault("logo", "logo.large", "the logo is too large", "mb", mostLogoBytes>>20)})
	case err != nil && !errors.Is(err, http.ErrNotMultipart): // without a file it may be a plain form
		return badRequest("The form cannot be read.")
	}
	asText(r.PostForm)
	g.Accent, g.Remove = r.PostForm.Get("accent"), r.PostForm.Get("remove") != ""
	g.Version, _ = strconv.ParseInt(r.PostForm.Get("version"), 10, 64)
	if f, _, err := r.FormFile("logo"); err == nil {
		defer f.Close()
		if g.Logo, err = io.ReadAll(f); err != nil {
			return badRequest("The form broke off.")
		}
	}
	_, err = s.saveLook(r.Context(), g)
	switch {
	case errors.Is(err, city.ErrChanged):
		return s.showLook(w, r, http.StatusConflict, g, nil)
	case dispatch.FaultsOf(err) != nil:
		return s.showLook(w, r, http.StatusUnprocessableEntity, g, dispatch.FaultsOf(err))
	case err != nil:
		return err
	}
	http.Redirect(w, r, settingsPath+"?done=look#look", http.StatusSeeOther)
	return nil
}

// showLook shows the settings with a look that was not taken.
func (s *face) showLook(w http.ResponseWriter, r *http.Request, status int, g lookGiven, faults dispatch.Faults) error {
	set, err := city.Load(r.Context(), s.config.Pool)
	if err != nil {
		return err
	}
	return s.showSettings(w, r, status, set, func(v *settingsView) {
		v.Look.Accent, v.Look.Wrong = g.Accent, s.wrongs(faults)
		if status != http.StatusConflict {
			return
		}
		v.Look.Wrong[""] = s.texts.T("admin.stale", "what", s.texts.T("look.title"))
		for i := range v.Log {
			if v.Log[i].Action == "settings.look" {
				v.Look.Changed = &v.Log[i]
				break
			}
		}
	})
}
