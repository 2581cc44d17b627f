// Jpegfiles generates JPEG files and decodes all files of a folder, for jpeg.py:
// NAME.jpg becomes NAME.rgb, width and height as 32-bit little-endian numbers and
// then three bytes per pixel.
package main

import (
	"encoding/binary"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"eomt/data/decode"
	"eomt/data/decode/jpeg/jpegtest"
)

func main() {
	files := flag.Int("files", 3000, "files to generate")
	seed := flag.Uint64("seed", 0, "seed of the first file; the next ones follow")
	flag.Parse()
	if err := run(flag.Arg(0), *seed, *files); err != nil {
		log.Fatal("jpegfiles: ", err)
	}
}

func run(dir string, seed uint64, files int) error {
	for i := range files {
		f := jpegtest.Random(seed + uint64(i))
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("seed%d.jpg", f.Seed)), f.Encode(), 0o644); err != nil {
			return err
		}
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*.jpg"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		img, err := decode.Image(raw, path)
		if err != nil {
			return err
		}
		out := binary.LittleEndian.AppendUint32(nil, uint32(img.W))
		out = append(binary.LittleEndian.AppendUint32(out, uint32(img.H)), img.Pix...)
		if err := os.WriteFile(strings.TrimSuffix(path, ".jpg")+".rgb", out, 0o644); err != nil {
			return err
		}
	}
	return nil
}
