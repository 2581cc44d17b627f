package labelfiles

import (
	"fmt"
	"math"
	"os"
	"path"
	"strings"

	"eomt/data"
	"eomt/data/ade20k"
	"eomt/data/cityscapes"
	"eomt/data/folder"
	"eomt/data/labelmap"
	"eomt/eval/iou"
)

// Format is how a data set stores and scores label maps.
type Format struct {
	Classes []data.Class
	Labels  iou.Mapping // of ground truth and predictions
	Absent  iou.Absent  // of the official rule

	truthEnding string // of ground-truth file names
	// key maps a path inside the folder, without its ending, to the part that a ground
	// truth and its prediction share; empty for other files.
	key func(name string) string
}

// ADE20K is the format of ADEChallengeData2016: label 0 is none of the 150
// classes, files have the same path in both folders.
func ADE20K() Format {
	classes := ade20k.Classes()
	return Format{Classes: classes, Labels: iou.NewMapping(classes, 0), Absent: iou.AbsentOf(ade20k.Format),
		truthEnding: ".png", key: samePath}
}

// Cityscapes is the format of cityscapesScripts' evaluation: labelIds 0 to 33,
// of which 19 are evaluated; ground truth is *_gtFine_labelIds.png, predictions
// are *.png, matched by the city, sequence and frame that their names begin with.
func Cityscapes() Format {
	const labels = 34
	var all []uint16
	for id := range uint16(labels) {
		all = append(all, id)
	}
	classes := cityscapes.Classes()
	return Format{Classes: classes, Labels: iou.NewMapping(classes, all...), Absent: iou.AbsentOf(cityscapes.Format),
		truthEnding: "_gtFine_labelIds.png", key: cityscapesFrame}
}

// Own is the format of a class file (see [folder.ParseClasses]): files have the
// same path in both folders, absent classes are left out of the mean.
func Own(classFile string) (Format, error) {
	raw, err := os.ReadFile(classFile)
	if err != nil {
		return Format{}, fmt.Errorf("read classes: %w", err)
	}
	table, err := folder.ParseClasses(raw, classFile)
	if err != nil {
		return Format{}, err
	}
	var none []uint16
	for label := range math.MaxUint16 + 1 {
		if table.ClassOf(uint16(label)) == labelmap.Void {
			none = append(none, uint16(label))
		}
	}
	return Format{Classes: table.Classes, Labels: iou.NewMapping(table.Classes, none...), Absent: iou.AbsentSkipped,
		truthEnding: ".png", key: samePath}, nil
}

func samePath(name string) string { return name }

func cityscapesFrame(name string) string {
	parts := strings.SplitN(path.Base(name), "_", 4)
	if len(parts) < 3 {
		return ""
	}
	return strings.Join(parts[:3], "_")
}
