package web_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"net/url"
	"strings"
)

// looks gives the city a colour and a logo, on the page and by the interface: what cannot be read is refused, and what is not a picture.
func (w *town) looks(root *visitor) {
	t := w.t
	t.Helper()
	save := func(version, accent string) (*http.Response, string) {
		return root.send("/admin/settings/look", url.Values{"version": {version}, "accent": {accent}})
	}
	for accent, want := range map[string]string{"#ffd400": "a contrast of 1.4 to 1", "red": "A colour is written as #0a4c94", "#12345": "A colour is written"} {
		if answer, body := save("1", accent); answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, want) || !strings.Contains(body, `value="`+accent+`"`) {
			t.Errorf("%s: %s, without %q", accent, answer.Status, want)
		}
	}
	if _, body := w.get("/list"); strings.Contains(body, "/look/") {
		t.Error("a look that was refused is shown")
	}
	if answer, body := save("1", "#036"); answer.StatusCode != http.StatusOK || !strings.Contains(body, "The look is saved.") {
		t.Fatalf("save: %s", answer.Status)
	}
	if _, body := w.get("/list"); !strings.Contains(body, `href="/look/2.css"`) {
		t.Error("no page has the city's colour")
	}
	if answer, style := w.get("/look/2.css"); answer.Header.Get("Content-Type") != "text/css; charset=utf-8" || !strings.Contains(style, "--accent:#003366;--on-accent:#ffffff") || strings.Count(style, "--on-accent:#14181a") != 2 {
		t.Errorf("%s %s", answer.Status, style)
	}
	if answer, body := save("1", "#004400"); answer.StatusCode != http.StatusConflict || !strings.Contains(body, "accent: (as delivered) → #003366") || !strings.Contains(body, `value="#004400"`) {
		t.Errorf("over somebody else's: %s", answer.Status)
	}
	large := image.NewNRGBA(image.Rect(0, 0, 1200, 300))
	for x := range 600 {
		large.Set(x, 150, color.NRGBA{200, 0, 0, 255})
	}
	var file bytes.Buffer
	if err := png.Encode(&file, large); err != nil {
		t.Fatal(err)
	}
	given := func(version int, logo []byte) string {
		b, err := json.Marshal(base64.StdEncoding.EncodeToString(logo))
		if err != nil {
			t.Fatal(err)
		}
		more := ""
		if logo != nil {
			more = `,"logo":` + string(b)
		}
		return fmt.Sprintf(`{"version":%d,"accent":"#003366"%s}`, version, more)
	}
	for _, c := range []struct {
		body   string
		status int
		want   string
	}{
		{given(2, []byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`)), 422, "no PNG, JPEG or WebP"},
		{given(2, file.Bytes()[:200]), 422, "damaged"},
		{given(2, append(file.Bytes(), make([]byte, 2<<20)...)), 422, "larger than 2 MB"},
		{given(2, file.Bytes()), 200, `"width":448,"height":112`},
		{given(3, nil), 200, `"width":448`},
		{given(3, nil), 409, "version 4"},
	} {
		if answer, body := root.call("PUT", "/settings/look", c.body, ""); answer.StatusCode != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%.60s: %s %s", c.body, answer.Status, body)
		}
	}
	_, body := w.get("/look/4.png")
	if config, err := png.DecodeConfig(strings.NewReader(body)); err != nil || config.Width != 448 {
		t.Errorf("the logo: %+v %v", config, err)
	}
	if _, body := w.get("/list"); !strings.Contains(body, `src="/look/4.png" width="448" height="112"`) {
		t.Error("no page has the city's logo")
	}
	if answer, _ := w.get("/look/3.png"); answer.StatusCode != http.StatusNotFound {
		t.Errorf("an old logo: %s", answer.Status)
	}
	_, body = root.get("/admin/settings")
	for _, wrong := range wellFormed(body) {
		t.Error(wrong)
	}
	if answer, body := root.call("PUT", "/settings/look", `{"version":4,"accent":"","remove_logo":true}`, ""); answer.StatusCode != http.StatusOK || !strings.Contains(body, `"logo":false`) {
		t.Errorf("%s %s", answer.Status, body)
	}
	root.read("/admin/log?action=settings.look", "Changed the look", "logo: a new one, 448 × 112 pixels", "logo: (as delivered)")
}
