package broker

import (
	"container/list"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// room bounds what connections that have not come to an end with something may hold together. When it is full the one that
// has been there longest is closed: who is honest and quick is through in a moment, and who only holds a place makes room.
type room struct {
	limit  int
	closed prometheus.Counter

	mu    sync.Mutex
	held  int
	order *list.List // of *guest, who came first at the front
	where map[*conn]*list.Element
}

// guest is a connection in the room and what it holds.
type guest struct {
	conn *conn
	size int
}

func newRoom(limit int, closed prometheus.Counter) *room {
	return &room{limit: limit, closed: closed, order: list.New(), where: map[*conn]*list.Element{}}
}

// enter notes that a connection holds size. One that is there keeps its place in the order.
func (r *room) enter(c *conn, size int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.evicted.Load() {
		return
	}
	if at, ok := r.where[c]; ok {
		g := at.Value.(*guest)
		r.held += size - g.size
		g.size = size
	} else {
		r.where[c] = r.order.PushBack(&guest{c, size})
		r.held += size
	}
	for r.held > r.limit && r.order.Len() > 1 {
		oldest := r.order.Front().Value.(*guest).conn
		r.remove(oldest)
		r.closed.Inc()
		oldest.evicted.Store(true)
		oldest.Conn.Close() // whoever serves it notices
	}
}

// leave notes that a connection holds nothing any more.
func (r *room) leave(c *conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.remove(c)
}

func (r *room) remove(c *conn) {
	at, ok := r.where[c]
	if !ok {
		return
	}
	r.held -= at.Value.(*guest).size
	r.order.Remove(at)
	delete(r.where, c)
}
