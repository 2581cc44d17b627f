package segment_test

import (
	"context"
	"fmt"
	"log"

	"eomt/segment"
)

// Segment an image in 10 lines. The weights may be a run folder, a checkpoint, a
// Hugging Face folder or an official pytorch_model.bin.
func Example() {
	weights, photo := exampleFiles()
	s, err := segment.Open(weights, segment.Options{Backend: "go"})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	img, err := segment.ReadImage(photo)
	if err != nil {
		log.Fatal(err)
	}
	found, err := s.Segment(context.Background(), img)
	if err != nil {
		log.Fatal(err)
	}
	for _, part := range found.Segments {
		fmt.Printf("%s (class %d): %d of %d pixels\n", part.Class.Name, part.Class.ID, part.Mask.Area(), found.W*found.H)
	}
	// Output:
	// sky (class 23): 1200 of 1200 pixels
}
