package evaluate

import "io"

func Plot(w io.Writer, reports []Report) error { return nil }
