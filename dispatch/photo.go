package dispatch

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// mostPhotos of an order: more is no evidence but a fault.
const mostPhotos = 40

// Photo is a picture that a crew has taken of an order, without the picture.
type Photo struct {
	ID            string
	Taken         Taken
	At            time.Time
	Width, Height int
}

func (x Photograph) do(ctx context.Context, a *act) error {
	if x.Taken != BeforeRepair && x.Taken != AfterRepair && x.Taken != SomeTime || len(x.JPEG) == 0 {
		return fmt.Errorf("a photo taken %q: %w", x.Taken, ErrUnknown)
	}
	a.words.Photo, a.words.Taken = strings.ToLower(rand.Text()), x.Taken
	added, err := a.tx.Exec(ctx, `insert into order_photos (id, order_id, taken, at, jpeg, width, height)
		select $1, $2, $3, $4, $5, $6, $7 where (select count(*) from order_photos where order_id = $2) < $8`,
		a.words.Photo, a.order.ID, x.Taken, a.by.At, x.JPEG, x.Width, x.Height, mostPhotos)
	if err != nil {
		return fmt.Errorf("keep a photo of work order %s: %w", a.order.ID, err)
	}
	if added.RowsAffected() == 0 {
		return fmt.Errorf("more than %d photos of an order: %w", mostPhotos, ErrTransition)
	}
	return nil
}

// Photos lists the photos of an order, first to last.
func Photos(ctx context.Context, pool *pgxpool.Pool, order string) ([]Photo, error) {
	rows, err := pool.Query(ctx, `select id, taken, at, width, height from order_photos where order_id = $1 order by at, id`, order)
	if err != nil {
		return nil, fmt.Errorf("list photos of work order %s: %w", order, err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Photo])
}

// ReadPhoto returns a photo of an order as a JPEG, or ErrNotFound.
func ReadPhoto(ctx context.Context, pool *pgxpool.Pool, order, id string) (jpeg []byte, err error) {
	err = pool.QueryRow(ctx, `select jpeg from order_photos where order_id = $1 and id = $2`, order, id).Scan(&jpeg)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read a photo of work order %s: %w", order, err)
	}
	return jpeg, nil
}
