package web

// Patterns returns what is on the mux, for the test that asks of each who may open it.
func (s *Server) Patterns() []string { return s.routes().patterns }
