package web

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	_ "image/png" // photos may be PNG
	"net/http"
	"slices"
	"time"

	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp" // or WebP
)

// What is taken for a photo.
const (
	mostPhotos     = 4
	mostPhotoBytes = 12 << 20
	mostPixels     = 50_000_000 // refused before decoding: a small file can claim a huge picture
	mostPhotoSide  = 20_000
	keptSide       = 1600 // pixels of the longer side that are kept
	photoQuality   = 82
)

// Errors of photos; each is the end of a text's key.
type photoError string

func (e photoError) Error() string { return "photo: " + string(e) }

const (
	photoLarge  photoError = "large"
	photoKind   photoError = "kind"
	photoHEIC   photoError = "heic"
	photoBroken photoError = "broken"
	photoHuge   photoError = "huge"
	photoBusy   photoError = "busy" // others are being read
)

// photo is a picture as it is kept.
type photo struct {
	JPEG          []byte
	Width, Height int
}

// decoders are so many pictures that are decoded at a time, as each takes memory. Residents' and the city's own people's have some
// of their own, so that none wait for the others.
type decoders chan struct{}

// longestWait is how long a picture waits until others are decoded.
const longestWait = 30 * time.Second

// begin waits until a picture may be decoded, and returns what is to be called when it is. It returns photoBusy where that takes too
// long, and the context's error where that ends.
func (d decoders) begin(ctx context.Context) (done func(), err error) {
	wait, stop := context.WithTimeoutCause(ctx, longestWait, photoBusy)
	defer stop()
	select {
	case d <- struct{}{}:
		return func() { <-d }, nil
	case <-wait.Done():
		return nil, context.Cause(wait)
	}
}

// readPhoto makes a photo of what somebody has sent: decoded and encoded anew, so that nothing of the file is left but the
// picture, upright, and no larger than it need be. It returns a photoError, or the context's error.
func (d decoders) readPhoto(ctx context.Context, b []byte) (photo, error) {
	if len(b) > mostPhotoBytes {
		return photo{}, photoLarge
	}
	switch http.DetectContentType(b) {
	case "image/jpeg", "image/png", "image/webp":
	default:
		if isHEIC(b) {
			return photo{}, photoHEIC
		}
		return photo{}, photoKind
	}
	config, _, err := image.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return photo{}, photoBroken
	}
	if config.Width < 1 || config.Height < 1 || config.Width > mostPhotoSide || config.Height > mostPhotoSide || config.Width*config.Height > mostPixels || !decodingFits(b, config) {
		return photo{}, photoHuge
	}
	done, err := d.begin(ctx)
	if err != nil {
		return photo{}, err
	}
	defer done()
	picture, _, err := image.Decode(bytes.NewReader(b))
	if err != nil {
		return photo{}, photoBroken
	}
	picture = upright(shrink(picture), orientation(b))
	var out bytes.Buffer
	if err := jpeg.Encode(&out, picture, &jpeg.Options{Quality: photoQuality}); err != nil {
		return photo{}, fmt.Errorf("encode a photo: %w", errors.Join(photoBroken, err))
	}
	size := picture.Bounds().Size()
	return photo{out.Bytes(), size.X, size.Y}, nil
}

// isHEIC says whether a file is a picture of the kind that iPhones keep (ISO/IEC 23008-12: its first box names a brand).
func isHEIC(b []byte) bool {
	if len(b) < 12 || string(b[4:8]) != "ftyp" {
		return false
	}
	return slices.Contains([]string{"heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"}, string(b[8:12]))
}

// shrink draws a picture on white, its longer side at most keptSide pixels.
func shrink(in image.Image) *image.RGBA {
	size := in.Bounds().Size()
	if long := max(size.X, size.Y); long > keptSide {
		size = image.Pt(max(1, size.X*keptSide/long), max(1, size.Y*keptSide/long))
	}
	out := image.NewRGBA(image.Rectangle{Max: size})
	draw.Draw(out, out.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.CatmullRom.Scale(out, out.Bounds(), in, in.Bounds(), draw.Over, nil)
	return out
}

// upright turns a picture as its orientation says (Exif 2.32, 4.6.5).
func upright(in *image.RGBA, orientation int) *image.RGBA {
	if orientation < 2 || orientation > 8 {
		return in
	}
	w, h := in.Bounds().Dx(), in.Bounds().Dy()
	size := image.Pt(w, h)
	if orientation > 4 {
		size = image.Pt(h, w)
	}
	out := image.NewRGBA(image.Rectangle{Max: size})
	for y := range h {
		for x := range w {
			u, v := x, y
			switch orientation {
			case 2:
				u = w - 1 - x
			case 3:
				u, v = w-1-x, h-1-y
			case 4:
				v = h - 1 - y
			case 5:
				u, v = y, x
			case 6:
				u, v = h-1-y, x
			case 7:
				u, v = h-1-y, w-1-x
			case 8:
				u, v = y, w-1-x
			}
			copy(out.Pix[out.PixOffset(u, v):], in.Pix[in.PixOffset(x, y):in.PixOffset(x, y)+4])
		}
	}
	return out
}

// orientation finds how a JPEG says that it is to be turned, 0 where it does not: in the first directory of the TIFF that
// its APP1 segment holds.
func orientation(b []byte) int {
	if len(b) < 4 || b[0] != 0xFF || b[1] != 0xD8 {
		return 0
	}
	for b = b[2:]; len(b) > 4 && b[0] == 0xFF && b[1] != 0xDA; {
		size := int(binary.BigEndian.Uint16(b[2:]))
		if size < 2 || len(b) < 2+size {
			return 0
		}
		if body, ok := bytes.CutPrefix(b[4:2+size], []byte("Exif\x00\x00")); ok && b[1] == 0xE1 {
			return tiffOrientation(body)
		}
		b = b[2+size:]
	}
	return 0
}

func tiffOrientation(b []byte) int {
	const tag = 0x0112
	if len(b) < 8 {
		return 0
	}
	var order binary.ByteOrder = binary.BigEndian
	if b[0] == 'I' {
		order = binary.LittleEndian
	}
	at := uint64(order.Uint32(b[4:]))
	if at+2 > uint64(len(b)) {
		return 0
	}
	n := uint64(order.Uint16(b[at:]))
	for i := range n {
		e := at + 2 + 12*i
		if e+12 > uint64(len(b)) {
			return 0
		}
		if order.Uint16(b[e:]) == tag {
			return int(order.Uint16(b[e+8:]))
		}
	}
	return 0
}
