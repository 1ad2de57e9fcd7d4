package web

import (
	"encoding/binary"
	"image"
	"image/color"
)

// What decoding a picture may take. A file of a JPEG can hold any number of scans, and each goes over the whole picture; those of
// a progressive one work on its coefficients, which are all held at once (ITU-T T.81, G.1.1).
const (
	mostScans       = 4           // of a sequential JPEG: one for each component
	mostFineScans   = 64          // of a progressive one: encoders make about ten
	mostScanned     = 600_000_000 // pixels times scans
	mostDecoded     = 320 << 20   // bytes held while a picture is decoded
	coefficientSize = 4           // bytes, in image/jpeg
)

// decodingFits says whether decoding a picture takes no more time and memory than a photo may.
func decodingFits(b []byte, config image.Config) bool {
	pixels := config.Width * config.Height
	held := pixels * 4
	switch config.ColorModel {
	case color.RGBA64Model, color.NRGBA64Model, color.CMYKModel:
		held = pixels * 8
	}
	scans, coefficients := scansOf(b)
	most := mostScans
	if coefficients > 0 {
		most = mostFineScans
	}
	return scans <= most && scans*pixels <= mostScanned && held+coefficients*coefficientSize <= mostDecoded
}

// scansOf counts the scans of a JPEG and, where it is progressive, its coefficients. Both are 0 for what is no JPEG. It goes from
// marker to marker as the decoder does: within a scan's data every 0xFF is followed by 0 or is one (T.81, B.1.1.5).
func scansOf(b []byte) (scans, coefficients int) {
	const (
		sof2, rst0, rst7, soi, eoi, sos = 0xC2, 0xD0, 0xD7, 0xD8, 0xD9, 0xDA
	)
	if len(b) < 2 || b[0] != 0xFF || b[1] != soi {
		return 0, 0
	}
	for i := 2; i+1 < len(b); {
		marker := b[i+1]
		switch {
		case b[i] != 0xFF, marker == 0xFF:
			i++
			continue
		case marker == 0, marker >= rst0 && marker <= rst7:
			i += 2
			continue
		case marker == eoi:
			return scans, coefficients
		}
		if i+4 > len(b) {
			break
		}
		size := int(binary.BigEndian.Uint16(b[i+2:]))
		switch marker {
		case sos:
			scans++
		case sof2:
			coefficients = coefficientsOf(b[i+4 : min(len(b), max(i+4, i+2+size))])
		}
		i += 2 + size
	}
	return scans, coefficients
}

// coefficientsOf counts those of a frame by its header (T.81, B.2.2): whole blocks of 8 by 8 in whole units of all components.
func coefficientsOf(frame []byte) int {
	if len(frame) < 6 {
		return 0
	}
	height, width := int(binary.BigEndian.Uint16(frame[1:])), int(binary.BigEndian.Uint16(frame[3:]))
	widest, highest, blocks := 1, 1, 0
	for c := frame[6:]; len(c) >= 3; c = c[3:] {
		h, v := int(c[1]>>4), int(c[1]&15)
		widest, highest, blocks = max(widest, h), max(highest, v), blocks+h*v
	}
	units := ((width + 8*widest - 1) / (8 * widest)) * ((height + 8*highest - 1) / (8 * highest))
	return units * blocks * 64
}
