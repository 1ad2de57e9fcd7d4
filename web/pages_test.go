package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"golang.org/x/net/html"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/web"
)

// wellFormed says what is wrong with a page: tags that do not match, ids used twice, links to nowhere on the page,
// texts that are missing.
func wellFormed(page string) []string {
	var wrong, open []string
	theirs := 0 // how deep within what somebody has written, to be left as it is
	ids, refs := map[string]bool{}, map[string]bool{}
	empty := regexp.MustCompile(`^(area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr)$`)
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			if len(open) > 0 {
				wrong = append(wrong, "never closed: "+strings.Join(open, " "))
			}
			for ref := range refs {
				if !ids[ref] {
					wrong = append(wrong, "nothing has the id "+ref)
				}
			}
			return wrong
		case html.StartTagToken:
			t := z.Token()
			if !empty.MatchString(t.Data) {
				open = append(open, t.Data)
			}
			wrong = append(wrong, attributes(t, ids, refs)...)
			if theirs == 0 && slices.Contains(t.Attr, html.Attribute{Key: "translate", Val: "no"}) {
				theirs = len(open)
			}
		case html.SelfClosingTagToken:
			wrong = append(wrong, attributes(z.Token(), ids, refs)...)
		case html.EndTagToken:
			t := z.Token()
			if len(open) == 0 || open[len(open)-1] != t.Data {
				return append(wrong, "</"+t.Data+"> closes "+strings.Join(open, " "))
			}
			if open = open[:len(open)-1]; len(open) < theirs {
				theirs = 0
			}
		case html.TextToken:
			if theirs > 0 { // as somebody has written it
				continue
			}
			if key := regexp.MustCompile(`^[a-z]+\.[a-z_.0-9]+$|\{[A-Za-z]+\}`).FindString(strings.TrimSpace(string(z.Text()))); key != "" && !strings.HasPrefix(key, "place.") {
				wrong = append(wrong, "a text is missing: "+key)
			}
		case html.CommentToken, html.DoctypeToken: // neither opens nor names anything
		}
	}
}

func attributes(t html.Token, ids, refs map[string]bool) (wrong []string) {
	for _, a := range t.Attr {
		switch {
		case a.Key == "id" && ids[a.Val]:
			wrong = append(wrong, "two have the id "+a.Val)
		case a.Key == "id":
			ids[a.Val] = true
		case a.Key == "style" || strings.HasPrefix(a.Key, "on"):
			wrong = append(wrong, "the policy forbids "+a.Key+" on "+t.Data)
		case (a.Key == "href" || a.Key == "for" || a.Key == "aria-controls") && (a.Key != "href" || strings.HasPrefix(a.Val, "#")):
			refs[strings.TrimPrefix(a.Val, "#")] = true
		}
	}
	return wrong
}

func TestPagesAreWellFormed(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	empty := newTown(t, func(c *web.Config) { c.Network, c.City = nil, "" })
	w.settle()
	paths := []string{"/", "/?show=open", "/?show=repaired", "/?place=pringstrasse1", "/?place=none", "/?places=pringstrasse1,pmitterweg1",
		"/panel", "/panel?place=pgoettweiger1", "/list", "/list?page=2", "/list?state=repaired&order=newest", "/list?class=rail", "/list?state=none",
		"/places/none", "/nothing"}
	for _, d := range defects() {
		if d.ID != "" {
			paths = append(paths, "/places/"+d.ID)
		}
	}
	for id := range w.all("/api/v1/places") {
		paths = append(paths, "/places/"+id)
	}
	for _, town := range []*town{w, empty} {
		for _, path := range paths {
			answer, body := town.get(path)
			if got := answer.Header.Get("Content-Type"); got != "text/html; charset=utf-8" {
				t.Errorf("%s: %s is %s", path, answer.Status, got)
			}
			if answer.StatusCode >= 500 {
				t.Errorf("%s: %s", path, answer.Status)
			}
			for _, wrong := range wellFormed(body) {
				if strings.HasPrefix(path, "/panel") && strings.HasPrefix(wrong, "nothing has the id") {
					continue // a part of a page: the symbols stand in the rest
				}
				t.Errorf("%s: %s", path, wrong)
			}
		}
	}
}

func TestPagesTell(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.settle()
	for path, words := range map[string][]string{
		"/":                      {"Road defects in Krems", "24 places are open", "8 of them only suspected", "KR", "Newest orders"},
		"/?place=pringstrasse1":  {"Pothole, Ringstraße", "In progress", "Severe", "KR-0401", "3 Mar", "Eleven felt it, two did not: 94 % sure.", "Full record"},
		"/?place=phidden1":       {"Nothing is here"},
		"/?place=pjoint1":        {"Nothing is here"}, // suspected, but slight: no defect
		"/places/pgoettweiger1":  {"Eight drivers felt it.", "Verified by traffic", "12 Feb", "First jolt", "<svg class=\"mini\""},
		"/places/pmitterweg1":    {"coarse on purpose", "Pothole near ", "within 200 metres"},
		"/list?state=dismissed":  {"Speed bump near Hohensteinstraße"},
		"/list?class=casting":    {"Sunken manhole, Schmidhüttenstraße"},
		"/list?order=felt":       {"Most drivers first"},
		"/panel?place=pmissong1": {"Sunken manhole near "},
	} {
		_, body := w.get(path)
		for _, word := range words {
			if word != "KR" && !strings.Contains(body, word) {
				t.Errorf("%s does not say %q", path, word)
			}
		}
		if clock := regexp.MustCompile(`\b\d{1,2}:\d{2}\b`).FindString(body); clock != "" {
			t.Errorf("%s tells a time of day: %s", path, clock)
		}
	}
	if answer, _ := w.get("/places/phidden1"); answer.StatusCode != http.StatusNotFound {
		t.Errorf("the page of a place that rests on one device: %s", answer.Status)
	}
}

// TestPageThatIsNot asks for a page after the last of a list.
func TestPageThatIsNot(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.settle()
	answer, body := w.get("/list?page=40&order=newest")
	if answer.StatusCode != http.StatusNotFound || !strings.Contains(body, "There is no page 40.") || !strings.Contains(body, `href="/list?order=newest&amp;page=2">To the last page, 2</a>`) || strings.Contains(body, "No place fits") {
		t.Errorf("page 40: %s", answer.Status)
	}
	if answer, body := w.get("/list?state=verified&class=rail"); answer.StatusCode != http.StatusOK || !strings.Contains(body, "No place fits") {
		t.Errorf("a list of nothing: %s", answer.Status)
	}
}

// TestOneGermanWordEach holds the German texts to one word for an office and one for those who drive.
func TestOneGermanWordEach(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("text/de.json")
	if err != nil {
		t.Fatal(err)
	}
	if found := regexp.MustCompile(`[^"]*\b(Disposition|Fahrende[rn]?|Disponent\w*)\b[^"]*`).FindAllString(string(b), -1); len(found) > 0 {
		t.Errorf("say Leitstelle and Fahrer: %q", found)
	}
}

// TestReasons has the engine judge real events, and reads its reasons on the page.
func TestReasons(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	id := w.judged("Ringstraße", .45, 11, 2)
	_, body := w.get("/?place=" + id)
	if !strings.Contains(body, "11 independent drivers felt a jolt, 2 felt nothing.") {
		t.Errorf("the page does not say who felt it: %s", body[max(0, strings.Index(body, "Why we believe")):])
	}
	_, body = w.get("/api/v1/places/" + id + "/evidence")
	var e struct {
		Reasons []struct {
			Kind, Text string
			N, Of      int
		}
	}
	if err := json.Unmarshal([]byte(body), &e); err != nil || len(e.Reasons) == 0 || e.Reasons[0].Text == "" {
		t.Errorf("evidence: %s %v", body, err)
	}
	if strings.Contains(body, "judged-device") {
		t.Error("the evidence names a device")
	}
}

// TestTexts proves that every state and class has its words.
func TestTexts(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("text/en.json")
	if err != nil {
		t.Fatal(err)
	}
	var texts map[string]string
	if err := json.Unmarshal(b, &texts); err != nil {
		t.Fatal(err)
	}
	need := []string{}
	for _, c := range crowd.Classes() {
		need = append(need, "class."+string(c), "class.a."+string(c))
	}
	for _, s := range []string{"suspected", "confirmed", "faded", "dismissed", "new", "accepted", "assigned", "in_progress", "repaired", "reopened", "verified"} {
		need = append(need, "sum."+s)
		if s != "verified" {
			need = append(need, "next."+s)
		}
	}
	for _, s := range []string{"new", "accepted", "assigned", "in_progress", "repaired", "verified", "reopened", "dismissed"} {
		need = append(need, "order."+s, "order."+s+".text")
	}
	for _, c := range []crowd.ChangeKind{crowd.ChangeBelow, crowd.ChangeConfirm, crowd.ChangeReview, crowd.ChangeDevices, crowd.ChangeVerify, crowd.ChangeReopen} {
		need = append(need, "change."+string(c)+".one", "change."+string(c)+".other")
	}
	for _, c := range []crowd.ChangeKind{crowd.ChangeIsBelow, crowd.ChangeNotThere, crowd.ChangeNever, crowd.ChangePosition, crowd.ChangeCertain, crowd.ChangeBeside, crowd.ChangeSettled} {
		need = append(need, "change."+string(c))
	}
	for _, c := range []crowd.ChangeKind{crowd.ChangeBelow, crowd.ChangeConfirm, crowd.ChangeVerify, crowd.ChangeReopen} {
		need = append(need, "change."+string(c)+".more")
	}
	for _, key := range need {
		if texts[key] == "" {
			t.Errorf("no text %q", key)
		}
	}
}

func TestAssets(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	_, page := w.get("/")
	found := regexp.MustCompile(`"(/assets/[^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(found) < 4 {
		t.Fatal("the map names no assets: run make build")
	}
	total := 0
	for _, f := range found {
		r, err := http.NewRequest(http.MethodGet, w.http.URL+f[1], nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Encoding", "br")
		answer, err := w.http.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK || answer.Header.Get("ETag") == "" || !strings.Contains(answer.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %s, ETag %q, %s", f[1], answer.Status, answer.Header.Get("ETag"), answer.Header.Get("Cache-Control"))
		}
		if strings.HasSuffix(f[1], ".js") && !strings.Contains(f[1], "maplibre") {
			total += int(answer.ContentLength)
		}
	}
	if total == 0 || total > 200_000 {
		t.Errorf("%d bytes of script beside the map library, at most 200 kB", total)
	}
	if answer, _ := w.get("/assets/manifest.json"); answer.StatusCode != http.StatusNotFound {
		t.Errorf("the manifest: %s", answer.Status)
	}
}

// TestStreetSearch finds a street on the map, by keyboard with scripts and by the form without, and what lies around it.
func TestStreetSearch(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.put(defect{ID: "pordered1", Street: "Ringstraße", Share: .5, State: crowd.Confirmed, Severity: .8, Devices: 9, Days: 8, Order: dispatch.InProgress})
	for path, words := range map[string][]string{
		"/?q=rings":   {"Streets that begin with “rings”", ">Ringstraße</a>"},
		"/?q=zzz":     {"No street begins like that."},
		"/?q=%3Cb%3E": {"&lt;b&gt;"},
		"/?near=48.41,15.40&at=" + url.QueryEscape("<i>"):        {"Places around this point", "we do not know"},
		"/?near=48.41,15.40&at=" + url.QueryEscape("Ringstraße"): {"Places around this point"}, // which is elsewhere
	} {
		_, body := w.get(path)
		for _, word := range words {
			if !strings.Contains(body, word) {
				t.Errorf("%s does not say %q", path, word)
			}
		}
		for _, wrong := range wellFormed(body) {
			t.Errorf("%s: %s", path, wrong)
		}
	}
	if answer, _ := w.get("/?near=x"); answer.StatusCode != http.StatusBadRequest {
		t.Errorf("nowhere: %s", answer.Status)
	}
	b := newBrowser(t, strings.TrimPrefix(w.http.URL, "http://"))
	b.view(1440, 900, false)
	b.open(w.http.URL + "/")
	eval[chromedp.Void](b, `void document.getElementById('q').focus()`)
	b.press("Rings")
	b.wait(`document.querySelector('#hits button')`)
	b.press(kb.ArrowDown)
	b.press("Enter")
	b.wait(`document.querySelector('#panel h1')?.textContent === 'Places around Ringstraße' && document.querySelector('#panel [data-open=pordered1]')`)
	b.wait(`document.getElementById('map').glmap.getZoom() >= 16 && !document.getElementById('map').glmap.isMoving()`)
	if address := eval[string](b, `location.search + location.hash`); !strings.Contains(address, "near=") || !strings.Contains(address, "#map=16") {
		t.Errorf("the address is %s", address)
	}
	b.press("\t")
	b.clean("search")
	b.view(360, 780, true)
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	run(b, chromedp.Navigate(w.http.URL+"/"))
	b.until(`document.getElementById('q') !== null`)
	run(b, chromedp.Evaluate[chromedp.Void](`void document.getElementById('q').focus()`))
	b.press("Rings")
	b.press("Enter")
	b.reads("Streets that begin with")
	b.tap(`#panel .items a`)
	b.reads("Places around Ringstraße")
	b.clean("without scripts")
}

// TestAPlaceIsCalledWhatItsOpenOrderIsOf has the crowd change its mind about places with orders.
func TestAPlaceIsCalledWhatItsOpenOrderIsOf(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.put(defect{ID: "popen", Street: "Ringstraße", Share: .3, State: crowd.Confirmed, Severity: .7, Devices: 6, Days: 3, Order: dispatch.Assigned})
	w.put(defect{ID: "pdone", Street: "Mitterweg", Share: .4, State: crowd.Dismissed, Severity: .7, Devices: 6, Days: 3, Order: dispatch.Dismissed})
	if _, err := w.pool.Exec(t.Context(), `update places set class = 'speed_bump'`); err != nil {
		t.Fatal(err)
	}
	for path, words := range map[string][2]string{
		"/places/popen":                          {"Pothole, Ringstraße", "Speed bump, Ringstraße"},
		"/places/pdone":                          {"Speed bump, Mitterweg", "Pothole, Mitterweg"},
		"/list?class=pothole":                    {"Pothole, Ringstraße", "Mitterweg"},
		"/list?class=speed_bump&state=dismissed": {"Speed bump, Mitterweg", "Ringstraße"},
	} {
		if _, body := w.get(path); !strings.Contains(body, words[0]) || strings.Contains(body, words[1]) {
			t.Errorf("%s does not say %q, or says %q", path, words[0], words[1])
		}
	}
}
