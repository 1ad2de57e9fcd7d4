package web_test

import (
	"net/http"
	"net/url"
	"strings"
)

// categories adds, renames, moves and retires what can be reported, on the page and by the interface.
func (w *town) categories(root *visitor) {
	t := w.t
	t.Helper()
	save := func(version string, rows ...[5]string) (*http.Response, string) { // place, id, en, de, class; a place of x: retired
		f := url.Values{"version": {version}}
		for _, r := range rows {
			if r[0] == "x" {
				f.Add("retired", r[1])
			}
			for i, name := range []string{"place", "id", "en", "de", "class"} {
				f.Add(name, r[i])
			}
		}
		return root.send("/admin/categories", f)
	}
	pothole, none := [5]string{"1", "pothole", "Pothole", "Schlagloch", "pothole"}, [5]string{"9"}
	for want, rows := range map[string][][5]string{
		"A name has 1 to 60 letters":                 {pothole, {"2", "", "Rails", "", "rail"}},
		"Two are called “pothole”":                   {pothole, {"2", "joint", "pothole", "Fuge", ""}},
		"One of them at least":                       {{"x", "pothole", "Pothole", "Schlagloch", "pothole"}},
		"The class is one of":                        {{"1", "pothole", "Pothole", "Schlagloch", "ghost"}},
		`value="Rails &lt;b&gt;"`:                    {{"1", "", "Rails <b>", "", "rail"}},
		`aria-describedby="de0-wrong"`:               {{"1", "", "Rails", "", "rail"}},
		`id="retired-other" name="retired" value="o`: {{"1", "", "", "Gleis", ""}, {"x", "other", "Other", "Andere", ""}},
	} {
		if answer, body := save("1", rows...); answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, want) {
			t.Errorf("%v: %s, without %q", rows, answer.Status, want)
		}
	}
	answer, body := save("1", pothole, [5]string{"2", "casting", "Manhole", "Schacht", "casting"}, [5]string{"x", "joint", "Joint", "Fuge", "joint"},
		[5]string{"4", "other", "Other", "Anderes", ""}, [5]string{"1,5", "", "Rails & points", "Gleise", "rail"}, none)
	if answer.StatusCode != http.StatusOK || !strings.Contains(body, "It counts from now on.") {
		t.Fatalf("save: %s", answer.Status)
	}
	for _, wrong := range wellFormed(body) {
		t.Error(wrong)
	}
	_, body = w.get("/report?lang=de")
	at := func(text string) int { return strings.Index(body, text) }
	if rails := at(`value="rails-points"`); at("Schlagloch</label>") < 0 || rails < at(`value="pothole"`) || rails > at(`value="casting"`) || at("Gleise</label>") < 0 || at(`value="joint"`) >= 0 {
		t.Error("the form has not what was saved, in its order")
	}
	if answer, body := save("1", pothole); answer.StatusCode != http.StatusConflict || !strings.Contains(body, "rails-points: new, Rails &amp; points / Gleise (rail)") {
		t.Errorf("over somebody else's: %s", answer.Status)
	}
	root.read("/admin/log?action=categories.", "Changed what can be reported", "joint: Broken joint, bridge or rails / Kaputte Fuge")
	if _, body := w.get("/api/v1/reports/categories"); !strings.Contains(body, `"rails-points"`) || strings.Contains(body, `"joint"`) {
		t.Errorf("the interface lists %s", body)
	}
	const good = `{"id":"pothole","names":{"en":"Pothole","de":"Schlagloch"},"class":"pothole"}`
	for _, c := range []struct {
		body   string
		status int
		want   string
	}{
		{`{"version":1,"categories":[` + good + `]}`, 409, "version 2"},
		{`{"version":2,"categories":[` + good + `,` + good + `]}`, 422, "Two are called"},
		{`{"version":2,"categories":[` + good + `]}`, 200, `"retired":true`},
	} {
		if answer, body := root.call("PUT", "/settings/categories", c.body, ""); answer.StatusCode != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s: %s %s", c.body, answer.Status, body)
		}
	}
	if answer, _ := w.send(http.MethodPost, "/api/v1/reports", `{"lat":48.41,"lon":15.6,"category":"joint","email":"a@example.org"}`, "", ""); answer.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a retired category is taken: %s", answer.Status)
	}
}
