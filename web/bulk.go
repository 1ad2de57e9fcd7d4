package web

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// What is held in memory of requests that anybody may send, bytes.
const (
	mostOpenBody    = 64 << 10 // of a request that anybody may send; larger ones are weighed
	mostJSONReport  = 17 << 20 // 12 MB of photos in base64
	mostJSONReports = 4 * mostJSONReport
	mostBatch       = 1 << 20
	mostBatches     = 64 << 20
	mostUploads     = 256 << 20 // of photos that are being sent with the form
	mostUploadsEach = 32 << 20  // of one network
	uploadStep      = 256 << 10
)

// bulk weighs what is held of the requests under way, so that neither one network nor all together fill the memory.
type bulk struct {
	most, each int64 // bytes, of all and of one network

	mu   sync.Mutex
	held int64
	by   map[netip.Prefix]int64
}

func newBulk(most, each int64) *bulk {
	return &bulk{most: most, each: each, by: map[netip.Prefix]int64{}}
}

// take reserves n bytes for an address, or returns false where there is no room; leave gives them back.
func (b *bulk) take(a netip.Addr, n int64) bool {
	network := networkOf(a, 32, 64)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held+n > b.most || b.by[network]+n > b.each {
		return false
	}
	b.held += n
	b.by[network] += n
	return true
}

func (b *bulk) leave(a netip.Addr, n int64) {
	network := networkOf(a, 32, 64)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held -= n
	if b.by[network] -= n; b.by[network] == 0 {
		delete(b.by, network)
	}
}

// read reads all of r while there is room for it, and returns photoBusy where there is none any more. What it returns is held until
// done is called. What is next to nothing needs no room.
func (b *bulk) read(a netip.Addr, r io.Reader) (all []byte, done func(), err error) {
	var held int64
	done = func() { b.leave(a, held) }
	var out bytes.Buffer
	for step := int64(512); ; step = uploadStep {
		if _, err := io.CopyN(&out, r, step); errors.Is(err, io.EOF) {
			return out.Bytes(), done, nil
		} else if err != nil {
			done()
			return nil, nil, err
		}
		if !b.take(a, uploadStep) {
			done()
			return nil, nil, photoBusy
		}
		held += uploadStep
	}
}

// weighed lets an operation read its body only while there is room for it, before any of it is read. Small bodies pass.
func (s *Server) weighed(api huma.API, op *huma.Operation, b *bulk, full int) {
	op.Middlewares = append(op.Middlewares, func(ctx huma.Context, next func(huma.Context)) {
		r, _ := humago.Unwrap(ctx)
		n := r.ContentLength
		if n < 0 || n > op.MaxBodyBytes {
			n = op.MaxBodyBytes
		}
		if n > mostOpenBody {
			from := s.client(r)
			if !b.take(from, n) {
				refuse(api, ctx, huma.ErrorWithHeaders(huma.NewError(full, "Too much is being sent at once. Send it again in a few seconds."), http.Header{"Retry-After": {"5"}}))
				return
			}
			defer b.leave(from, n)
		}
		next(ctx)
	})
}

// refuse answers with a problem before an operation begins.
func refuse(api huma.API, ctx huma.Context, err error) {
	var problem huma.StatusError
	if !errors.As(err, &problem) {
		problem = huma.Error500InternalServerError("Something broke here. Try again in a minute.")
	}
	var with huma.HeadersError
	if errors.As(err, &with) {
		for key, values := range with.GetHeaders() {
			for _, v := range values {
				ctx.SetHeader(key, v)
			}
		}
	}
	_ = huma.WriteErr(api, ctx, problem.GetStatus(), problem.Error()) // fails only where the client has gone
}
