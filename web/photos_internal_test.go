package web

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"slices"
	"testing"
)

// snap is a JPEG of some size, red at its left, with Exif data that says how it is to be turned and holds a secret.
func snap(t testing.TB, w, h, orientation int) []byte {
	t.Helper()
	p := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(p, p.Bounds(), image.NewUniform(color.RGBA{B: 255, A: 255}), image.Point{}, draw.Src)
	draw.Draw(p, image.Rect(0, 0, w/4, h), image.NewUniform(color.RGBA{R: 255, A: 255}), image.Point{}, draw.Src)
	var b bytes.Buffer
	if err := jpeg.Encode(&b, p, nil); err != nil {
		t.Fatal(err)
	}
	tiff := []byte("Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00")
	tiff = append(tiff, byte(orientation), 0, 0, 0, 0, 0, 0, 0)
	tiff = append(tiff, "GPS secret 48.41"...)
	out := append([]byte{0xFF, 0xD8, 0xFF, 0xE1}, binary.BigEndian.AppendUint16(nil, uint16(len(tiff)+2))...)
	return append(append(out, tiff...), b.Bytes()[2:]...)
}

func photoServer() decoders { return make(decoders, 1) }

func TestPhotosAreMadeAnew(t *testing.T) {
	t.Parallel()
	s := photoServer()
	for orientation, red := range map[int][2]float64{0: {.05, .5}, 1: {.05, .5}, 2: {.95, .5}, 3: {.95, .5}, 5: {.5, .05}, 6: {.5, .05}, 7: {.5, .95}, 8: {.5, .95}} {
		side := 400
		if orientation == 6 { // which a phone held upright says, and as large as one takes them
			side = 2 * keptSide
		}
		got, err := s.readPhoto(t.Context(), snap(t, side, side/2, orientation))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(got.JPEG, []byte("secret")) || bytes.Contains(got.JPEG, []byte("Exif")) {
			t.Error("what the file told is still in it")
		}
		p, err := jpeg.Decode(bytes.NewReader(got.JPEG))
		if err != nil {
			t.Fatal(err)
		}
		size := p.Bounds().Size()
		if long := min(side, keptSide); max(size.X, size.Y) != long || min(size.X, size.Y) != long/2 || size.X != got.Width || (size.X < size.Y) != (orientation > 4) {
			t.Errorf("turned as %d it is %v", orientation, size)
		}
		if r, _, b, _ := p.At(int(red[0]*float64(size.X)), int(red[1]*float64(size.Y))).RGBA(); r < 2*b {
			t.Errorf("turned as %d its red side is not at %v", orientation, red)
		}
	}
}

// bomb is a PNG that claims to be huge.
func bomb(w, h uint32) []byte {
	chunk := append([]byte("IHDR"), binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)...)
	chunk = append(chunk, 8, 2, 0, 0, 0)
	b := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), chunk...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(chunk))
}

func TestWhatIsNoPhotoIsRefused(t *testing.T) {
	t.Parallel()
	s := photoServer()
	var small bytes.Buffer
	if err := png.Encode(&small, image.NewGray(image.Rect(0, 0, 3, 2))); err != nil {
		t.Fatal(err)
	}
	if got, err := s.readPhoto(t.Context(), small.Bytes()); err != nil || got.Width != 3 {
		t.Errorf("a small PNG: %v", err)
	}
	for name, c := range map[string]struct {
		body []byte
		want photoError
	}{
		"nothing":         {nil, photoKind},
		"SVG":             {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), photoKind},
		"SVG as XML":      {[]byte(`<?xml version="1.0"?><svg onload="alert(1)"/>`), photoKind},
		"a page":          {[]byte(`<html><script>alert(1)</script>`), photoKind},
		"GIF":             {[]byte("GIF89a\x01\x00\x01\x00\x00\x00\x00"), photoKind},
		"100 MB":          {make([]byte, 100<<20), photoLarge},
		"a bomb":          {bomb(50_000, 50_000), photoHuge},
		"a long bomb":     {bomb(19_000, 19_000), photoHuge},
		"HEIC":            {[]byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"), photoHEIC},
		"many scans":      {scans(t, snap(t, 400, 300, 1), 65), photoHuge},
		"scans of much":   {scans(t, snap(t, 6000, 5000, 1), 21), photoHuge},
		"coefficients":    {progressive(t, 6000, 5000), photoHuge},
		"a huge deep PNG": {deepBomb(8000, 6000), photoHuge},
		"half a PNG":      {small.Bytes()[:40], photoBroken},
		"half a JPEG":     {snap(t, 400, 300, 1)[:900], photoBroken},
		"JPEG's head":     {[]byte{0xFF, 0xD8, 0xFF, 0xE1, 0xFF, 0xFF, 0}, photoBroken},
	} {
		if _, err := s.readPhoto(t.Context(), c.body); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// scans repeats the only scan of a JPEG.
func scans(t testing.TB, b []byte, n int) []byte {
	t.Helper()
	at := bytes.LastIndex(b, []byte{0xFF, 0xDA})
	if at < 0 {
		t.Fatal("no scan")
	}
	scan, end := b[at:len(b)-2], b[len(b)-2:]
	return slices.Concat(b[:at], bytes.Repeat(scan, n), end)
}

// progressive is the head of a JPEG that is, with three whole components, and a scan that says nothing.
func progressive(t testing.TB, w, h uint16) []byte {
	t.Helper()
	b := snap(t, 16, 16, 1)
	at := bytes.Index(b, []byte{0xFF, 0xC0})
	if at < 0 {
		t.Fatal("no frame")
	}
	b[at+1] = 0xC2
	binary.BigEndian.PutUint16(b[at+5:], h)
	binary.BigEndian.PutUint16(b[at+7:], w)
	b[at+11] = 0x11
	return b
}

// deepBomb is a bomb of 16 bits a colour.
func deepBomb(w, h uint32) []byte {
	b := bomb(w, h)
	b[24] = 16
	return binary.BigEndian.AppendUint32(b[:29], crc32.ChecksumIEEE(b[12:29]))
}

// A photo waits for others no longer than whoever sent it, and a picture of ordinary scans is read.
func TestPhotosWaitTheirTurn(t *testing.T) {
	t.Parallel()
	s := photoServer()
	if _, err := s.readPhoto(t.Context(), scans(t, snap(t, 400, 300, 1), 4)); err != nil {
		t.Errorf("4 scans: %v", err)
	}
	done, err := s.begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := s.readPhoto(gone, snap(t, 40, 30, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("who has gone: %v", err)
	}
	done()
	if _, err := s.readPhoto(t.Context(), snap(t, 40, 30, 1)); err != nil {
		t.Errorf("the next: %v", err)
	}
}

// Whatever is sent, reading it ends, and what is kept can be read.
func FuzzReadPhoto(f *testing.F) {
	f.Add(snap(f, 40, 30, 6))
	f.Add(bomb(1, 1))
	f.Add(bomb(90_000, 90_000))
	f.Add([]byte("RIFF\x24\x00\x00\x00WEBPVP8 "))
	s := photoServer()
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := s.readPhoto(t.Context(), b)
		if err != nil {
			return
		}
		if config, err := jpeg.DecodeConfig(bytes.NewReader(got.JPEG)); err != nil || max(config.Width, config.Height) > keptSide {
			t.Errorf("%v %+v", err, config)
		}
	})
}
