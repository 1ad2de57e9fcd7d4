package evaluate

import (
	"fmt"
	"html"
	"io"
	"math"
	"strings"
)

// Size of the drawing and its panels, in pixels at scale 1.
const (
	plotW, plotH   = 1040, 400
	panelW, panelH = 260, 240
	panelTop       = 84
	panelLeft      = 64
	panelStep      = 340
)

// plotStyle colours the drawing for light and dark pages.
const plotStyle = `
:root { --ground: #ffffff; --ink: #1d2731; --soft: #5b6670; --grid: #d9dee3; --first: #1766ad; --second: #b4540a; --third: #88929b; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #14181c; --ink: #e8ecef; --soft: #a9b3bc; --grid: #333b43; --first: #74b8f5; --second: #f2a65a; --third: #7d8790; }
}
text { font: 12px system-ui, sans-serif; fill: var(--ink); }
.title { font-size: 15px; font-weight: 600; }
.soft { fill: var(--soft); font-size: 11px; }
.ground { fill: var(--ground); }
.grid { stroke: var(--grid); fill: none; }
.axis { stroke: var(--soft); fill: none; }
.goal { stroke: var(--soft); stroke-dasharray: 4 3; fill: none; }
.first { fill: var(--first); } .second { fill: var(--second); } .third { fill: var(--third); }
.ring { fill: none; stroke-width: 1.5; } .ring.first { fill: none; stroke: var(--first); } .ring.second { fill: none; stroke: var(--second); }
.ring.third { fill: none; stroke: var(--third); }
.line { stroke: var(--first); stroke-width: 2; fill: none; }
`

// Plot draws the reports as SVG: precision and recall by city, how far probabilities keep their word, and how many places come
// through where an adversary reports jolts and nothing is.
func Plot(w io.Writer, reports []Report) error {
	d := &drawing{}
	d.add(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%[1]d" height="%[2]d" role="img" aria-label="%s">`+"\n",
		plotW, plotH, "Precision and recall by city, calibration, and inventions that come through")
	d.add("<style>%s</style>\n<rect class=\"ground\" width=\"%d\" height=\"%d\"/>\n", plotStyle, plotW, plotH)
	d.cities(panelLeft, reports)
	d.reliability(panelLeft+panelStep, reports)
	d.lies(panelLeft+2*panelStep, reports)
	d.add("</svg>\n")
	_, err := io.WriteString(w, d.String())
	return err
}

// drawing is an SVG that is being written.
type drawing struct{ strings.Builder }

func (d *drawing) add(format string, args ...any) { fmt.Fprintf(d, format, args...) }

// text writes words at a position; anchor is start, middle or end.
func (d *drawing) text(x, y float64, class, anchor, words string) {
	d.add(`<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>`+"\n", x, y, class, anchor, html.EscapeString(words))
}

func (d *drawing) line(class string, x1, y1, x2, y2 float64) {
	d.add(`<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`+"\n", class, x1, y1, x2, y2)
}

// height is where on the page lies a share from 0 to 1 on a panel.
func height(share float64) float64 { return panelTop + panelH*(1-share) }

// panel draws a title, a vertical axis from 0 to 1, and what the axes mean.
func (d *drawing) panel(left float64, title, across, up string) {
	d.text(left-40, 28, "title", "start", title)
	for i := range 6 {
		y := height(float64(i) / 5)
		d.line("grid", left, y, left+panelW, y)
		d.text(left-8, y+4, "soft", "end", fmt.Sprintf("%.1f", float64(i)/5))
	}
	d.line("axis", left, panelTop, left, panelTop+panelH)
	d.line("axis", left, panelTop+panelH, left+panelW, panelTop+panelH)
	d.text(left+panelW/2, panelTop+panelH+52, "", "middle", across)
	d.add(`<text transform="translate(%.1f %d) rotate(-90)" text-anchor="middle">%s</text>`+"\n", left-44, panelTop+panelH/2, html.EscapeString(up))
}

// key explains a colour in the legend above a panel.
func (d *drawing) key(x float64, class, words string) {
	d.add(`<circle class="%s" cx="%.1f" cy="52" r="5"/>`+"\n", class, x)
	d.text(x+10, 56, "", "start", words)
}

func (d *drawing) cities(left float64, reports []Report) {
	d.panel(left, "Precision and recall by city", "city (seed); dashed: goals", "share")
	d.key(left, "first", "precision")
	d.key(left+80, "second", "recall")
	d.key(left+145, "ring third", "the same, 3 devices")
	for _, m := range Measures()[:2] {
		d.line("goal", left, height(m.Goal), left+panelW, height(m.Goal))
	}
	step := panelW / float64(max(1, len(reports)))
	for i, r := range reports {
		x := left + step*(float64(i)+0.5)
		d.add(`<circle class="ring first" cx="%.1f" cy="%.1f" r="4"/>`+"\n", x, height(r.Three.Precision))
		d.add(`<circle class="ring second" cx="%.1f" cy="%.1f" r="4"/>`+"\n", x, height(r.Three.Recall))
		d.add(`<circle class="first" cx="%.1f" cy="%.1f" r="5"/>`+"\n", x, height(r.Crowd.Precision))
		d.add(`<circle class="second" cx="%.1f" cy="%.1f" r="5"/>`+"\n", x, height(r.Crowd.Recall))
		if every := (len(reports) + 9) / 10; i%every == 0 {
			d.text(x, panelTop+panelH+18, "soft", "middle", fmt.Sprint(r.Seed))
		}
	}
}

func (d *drawing) reliability(left float64, reports []Report) {
	c := togetherOf(reports)
	d.panel(left, "Do probabilities keep their word?", "probability of a pothole", "share that are potholes")
	d.text(left-8, 56, "", "start", fmt.Sprintf("%d places, Brier score %.3f; area: places", c.Places, c.Brier))
	d.line("goal", left, height(0), left+panelW, height(1))
	most, path := 1, ""
	for _, b := range c.Bins {
		most = max(most, b.Places)
	}
	for _, b := range c.Bins {
		if b.Places == 0 {
			continue
		}
		x, y := left+panelW*b.Stated, height(b.Share())
		path += fmt.Sprintf("%.1f,%.1f ", x, y)
		d.add(`<circle class="first" cx="%.1f" cy="%.1f" r="%.1f"><title>%d of %d places at %.2f</title></circle>`+"\n",
			x, y, 2.5+9*math.Sqrt(float64(b.Places)/float64(most)), b.Potholes, b.Places, b.Stated)
	}
	d.add(`<polyline class="line" points="%s"/>`+"\n", strings.TrimSpace(path))
	for i := range 6 {
		d.text(left+panelW*float64(i)/5, panelTop+panelH+18, "soft", "middle", fmt.Sprintf("%.1f", float64(i)/5))
	}
}

func (d *drawing) lies(left float64, reports []Report) {
	d.panel(left, "Inventions that come through", "who reports jolts where nothing is", "share promoted")
	d.key(left, "first", "Streetpulse")
	d.key(left+100, "third", "3 devices")
	kinds := liars()
	step := panelW / float64(len(kinds))
	for i, k := range kinds {
		all := sum(reports, func(r Report) int { return r.Lies[k.name] })
		x := left + step*(float64(i)+0.5)
		d.text(x, panelTop+panelH+18, "soft", "middle", k.words)
		for side, rule := range []func(Report) Score{ours, threePhones} {
			n := sum(reports, func(r Report) int { return k.of(rule(r)) })
			y, at := height(share(n, all)), x+float64(side*32-30)
			d.add(`<rect class="%s" x="%.1f" y="%.1f" width="28" height="%.1f"/>`+"\n", []string{"first", "third"}[side], at, y, panelTop+panelH-y)
			d.text(at+14, y-5, "soft", "middle", fmt.Sprint(n))
		}
		d.text(x, panelTop+panelH+31, "soft", "middle", fmt.Sprintf("of %d", all))
	}
}

// liar is an adversary that reports jolts where nothing is.
type liar struct {
	name, words string // as in the truth, and for people
	of          func(Score) int
}

func liars() []liar {
	return []liar{
		{"inventor", "inventor", func(s Score) int { return s.Inventions }},
		{"fleet", "faulty fleet", func(s Score) int { return s.Fleet }},
		{"odd", "odd vehicle", func(s Score) int { return s.Odd }},
	}
}

// togetherOf is the calibration over all the cities.
func togetherOf(reports []Report) Calibration {
	var all []Calibration
	for _, r := range reports {
		all = append(all, r.Calibration)
	}
	return Together(all...)
}
