package evaluate

import "io"

func (s Study) Markdown(w io.Writer) error { return nil }
