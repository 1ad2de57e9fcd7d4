package web

import "testing"

// TestPagesParse looks at every page's templates in every language: serving, each is parsed when it is first asked for.
func TestPagesParse(t *testing.T) {
	t.Parallel()
	for _, code := range languages() {
		f := &face{Server: &Server{assets: &assets{}}, language: code}
		for name, page := range f.readPages() {
			if _, err := page(); err != nil {
				t.Errorf("%s in %q: %v", name, code, err)
			}
		}
	}
}
