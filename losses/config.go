package losses

import (
	"fmt"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"
)

// Config holds the constants of matching and losses; [Defaults] returns the
// paper's. Fields with a yaml name are configuration keys.
type Config struct {
	Mask       float64 `yaml:"mask" doc:"Weight of the masks' binary cross-entropy, in the matching cost and in the loss." range:"[0, inf)"`
	Dice       float64 `yaml:"dice" doc:"Weight of the masks' Dice loss, in both." range:"[0, inf)"`
	Class      float64 `yaml:"class" doc:"Weight of the class cross-entropy, in both." range:"[0, inf)"`
	NoObject   float64 `yaml:"no_object" doc:"Weight of the no-object class within the class cross-entropy." range:"(0, inf)"`
	Points     int     `yaml:"-"` // P: points per mask pair, and points of the cost
	Oversample float64 `yaml:"oversample" doc:"Candidates drawn for the sampled points, as a multiple of train.points." range:"[1, inf)"`
	Importance float64 `yaml:"important" doc:"Share of train.points taken from the candidates where the mask is least certain; the others are drawn uniformly." range:"(0, 1)"`
}

// Defaults is EoMT's configuration, taken over from Mask2Former.
func Defaults() Config {
	return Config{Mask: 5, Dice: 5, Class: 2, NoObject: .1, Points: 12544, Oversample: 3, Importance: .75}
}

// Validate reports the first field out of range.
func (c Config) Validate() error {
	switch {
	case c.Mask < 0 || c.Dice < 0 || c.Class < 0 || c.Mask+c.Dice+c.Class == 0:
		return fmt.Errorf("losses: weights mask %g, dice %g, class %g: none may be negative, nor all zero", c.Mask, c.Dice, c.Class)
	case c.NoObject <= 0:
		return fmt.Errorf("losses: no-object weight %g: must be positive", c.NoObject)
	case c.uncertain() < 1 || c.fresh() < 1:
		return fmt.Errorf("losses: importance %g of %d points: leaves none that are uncertain or none that are fresh", c.Importance, c.Points)
	case c.candidates() < c.uncertain():
		return fmt.Errorf("losses: oversample %g: gives %d candidates for %d points", c.Oversample, c.candidates(), c.uncertain())
	}
	return nil
}

func (c Config) candidates() int { return int(float64(c.Points) * c.Oversample) }
func (c Config) uncertain() int  { return int(float64(c.Points) * c.Importance) }
func (c Config) fresh() int      { return c.Points - c.uncertain() }

// Targets are a batch's targets in device form (data.Batch).
type Targets struct {
	PlanesBHWW *Node // uint32 [B, H, W, words]: target m is bit m%32 of word m/32
	ClassesBM  *Node // int32 [B, M]; ignored at padding
	ValidBM    *Node // bool [B, M]; false: padding
}

// check panics if shapes or dtypes are inconsistent.
func (t Targets) check(batch int) {
	valid, planes := t.ValidBM.Shape(), t.PlanesBHWW.Shape()
	if valid.Rank() != 2 || valid.DType != dtypes.Bool || valid.Dim(0) != batch {
		exceptions.Panicf("losses: targets' valid must be bool [%d, M], got %s", batch, valid)
	}
	if err := t.ClassesBM.Shape().Check(dtypes.Int32, valid.Dimensions...); err != nil {
		exceptions.Panicf("losses: targets' classes must be int32 %v, got %s", valid.Dimensions, t.ClassesBM.Shape())
	}
	if planes.Rank() != 4 || planes.DType != dtypes.Uint32 || planes.Dim(0) != batch || planes.Dim(3)*32 < valid.Dim(1) {
		exceptions.Panicf("losses: targets' planes must be uint32 [%d, H, W, words] with a bit for each of %d targets, got %s",
			batch, valid.Dim(1), planes)
	}
}
