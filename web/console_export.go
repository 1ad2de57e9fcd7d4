package web

import (
	"context"
	"net/http"
	"strings"

	"github.com/streetpulse/streetpulse/dispatch"
)

// consoleExport writes a view as a file: orders.csv, orders.xlsx or orders.geojson. It has every row of the view, in its order.
func (s *face) consoleExport(w http.ResponseWriter, r *http.Request) error {
	name, format, _ := strings.Cut(r.PathValue("file"), ".")
	if name != "orders" {
		return errHidden
	}
	d, err := s.consoleDesk(r.Context())
	if err != nil {
		return err
	}
	asked := parseSought(r.URL.Query())
	read := exportOrders
	if asked.Name == reviewView {
		read = exportReviews
	}
	out, n, err := read(r.Context(), d, asked.view)
	if err != nil {
		return err
	}
	if n > mostExported {
		return badRequest(s.texts.T("console.export.many", "most", mostExported))
	}
	return s.serveFile(w, r, out, format)
}

func exportOrders(ctx context.Context, d consoleDesk, view dispatch.View) (exported, int, error) {
	out := exported{Name: "orders", Columns: []string{"number", "state", "priority", "class", "severity", "street", "body", "crew", "due_at", "overdue", "promoted_at",
		"state_at", "failed_repair", "external_id", "devices", "probability", "cost", "materials", "lat", "lon", "id"}}
	view.Limit = mostExported + 1
	orders, err := dispatch.Queue(ctx, d.Pool, view, d.works, d.now)
	if err != nil {
		return out, 0, err
	}
	spent, err := dispatch.SpentOn(ctx, d.Pool, orders)
	if err != nil {
		return out, 0, err
	}
	out.Rows = func(yield func([]any, error) bool) {
		for _, o := range orders {
			cost := spent[o.ID]
			if !yield([]any{o.Number, string(o.State), o.Priority.Sum(), string(o.Class), round(o.Severity, 3), o.Street, o.Body, o.CrewName, exportedTime(o.DueAt),
				d.works.Due(o, d.now) == dispatch.Overdue, exportedTime(o.PromotedAt), exportedTime(o.StateAt), o.Failed, o.ExternalID, o.Devices, round(o.Probability, 3),
				float64(cost.Cents) / 100, cost.Materials, round(o.Lat, 6), round(o.Lon, 6), o.ID}, nil) {
				return
			}
		}
	}
	return out, len(orders), nil
}

// exportReviews are the places of the review list, which have no order yet.
func exportReviews(ctx context.Context, d consoleDesk, view dispatch.View) (exported, int, error) {
	out := exported{Name: "reviews", Columns: []string{"class", "severity", "street", "body", "listed_at", "devices", "passes", "probability", "lat", "lon", "id"}}
	list, err := d.ReviewsIn(ctx, view)
	var rows [][]any
	for _, r := range list {
		rows = append(rows, []any{string(r.Class), round(r.Severity, 3), r.Street, r.Body, exportedTime(r.ListedAt), r.Devices, r.Passes,
			round(r.Belief.Of(r.Class), 3), round(r.Lat, 6), round(r.Lon, 6), r.ID})
	}
	out.Rows = rowsOf(rows)
	return out, len(rows), err
}

// consoleSheet is an order on paper, for who goes there.
func (s *face) consoleSheet(w http.ResponseWriter, r *http.Request) error {
	d, err := s.consoleDesk(r.Context())
	if err != nil {
		return err
	}
	v := &detailView{}
	if v.D, err = s.detailOf(r.Context(), d, r.PathValue("id")); err != nil {
		return err
	}
	v.Page, v.Title, v.Today = "sheet", v.D.Number+", "+v.D.Title, d.now
	return s.render(w, r, http.StatusOK, "base", v)
}
