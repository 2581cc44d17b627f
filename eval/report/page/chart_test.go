package page

import (
	"image"
	"image/color"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestShown(t *testing.T) {
	for _, c := range []struct {
		value float64
		form  Form
		want  string
	}{
		{0.44712, Percent, "44.7"}, {1, Percent, "100.0"}, {-0.0001, Percent, "0.0"}, {math.NaN(), Percent, "–"},
		{0.0134, Points, "+1.3"}, {-0.0134, Points, "−1.3"}, {-0.0001, Points, "0.0"},
		{0.0826, Decimal, "0.083"}, {0, Count, "0"}, {9999, Count, "9999"}, {12345, Count, "12\u202f345"}, {-1234567, Count, "−1\u202f234\u202f567"},
	} {
		if got := (Number{"k", c.value, c.form}).Shown(); got != c.want {
			t.Errorf("%g in form %d is shown as %q, want %q", c.value, c.form, got, c.want)
		}
	}
}

func TestKeyEscapesSlashes(t *testing.T) {
	if got := Key("run/1", "PQ", "a b"); got != "run%2F1/PQ/a%20b" {
		t.Error(got)
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		axis axis
		want string
	}{
		{newAxis("", false, 3, 57), "0 20 40 60"},
		{newAxis("", false, 0, 0), "0 0.25 0.5 0.75 1"},
		{newAxis("", false, math.NaN()), "0 0.25 0.5 0.75 1"},
		{newAxis("", false, -3, 5), "−4 −2 0 2 4 6"},
		{newAxis("", false, 1e-4), "0 2.5×10⁻⁵ 5×10⁻⁵ 7.5×10⁻⁵ 10⁻⁴"},
		{newAxis("", false, 90000), "0 25\u202f000 50\u202f000 75\u202f000 100\u202f000"},
		{newAxis("", true, 0.5, 3000), "0.1 1 10 100 1000 10\u202f000"},
		{newAxis("", true, 1e-9, 1e9), "10⁻⁹ 10⁻⁵ 0.1 1000 10⁷"},
	} {
		var labels []string
		for _, v := range c.axis.ticks() {
			labels = append(labels, tickLabel(v))
		}
		if got := strings.Join(labels, " "); got != c.want {
			t.Errorf("axis %+v has ticks %s, want %s", c.axis, got, c.want)
		}
	}
}

// Whatever the values, an axis holds them and has a few ticks.
func TestAxisHoldsItsValues(t *testing.T) {
	for _, extreme := range []float64{5e-324, 1e-308, 9.556619453472961e-299, 1e-280} {
		a := newAxis("", true, extreme, 1.797693134875e+09)
		if low, high := a.at(extreme), a.at(1.797693134875e+09); !(low >= 0 && low < high && high <= 1) && a.log {
			t.Errorf("%g lies at %g, 1.8e9 at %g of %+v", extreme, low, high, a)
		}
		if n := len(a.ticks()); n < 2 || n > 8 {
			t.Errorf("%d ticks on %+v", n, a)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(-1e12, 1e12), 1, 20).Draw(t, "values")
		a := newAxis("", rapid.Bool().Draw(t, "log"), values...)
		for _, v := range values {
			if at := a.at(v); !(at >= -1e-9 && at <= 1+1e-9) {
				t.Fatalf("%g lies at %g of %+v", v, at, a)
			}
		}
		if n := len(a.ticks()); n < 2 || n > 8 {
			t.Fatalf("%d ticks on %+v", n, a)
		}
	})
}

// Thinning keeps the order, the mean and the range of all values.
func TestThin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, most := rapid.IntRange(1, 2000).Draw(t, "n"), rapid.IntRange(1, 300).Draw(t, "most")
		points := make([]point, n)
		gaps := 0
		for i := range points {
			v := rapid.Float64Range(-100, 100).Draw(t, "v")
			if i%7 == 3 {
				v = math.NaN()
				gaps++
			}
			points[i] = point{x: float64(i), y: v, low: v, high: v}
		}
		thinned := thin(points, most)
		if len(thinned) > max(most, 1) && len(thinned) != n || len(thinned) > n {
			t.Fatalf("%d points became %d, want at most %d", n, len(thinned), most)
		}
		low, high := math.Inf(1), math.Inf(-1)
		for i, p := range thinned {
			if i > 0 && p.x <= thinned[i-1].x {
				t.Fatalf("point %d is not after the one before", i)
			}
			if !math.IsNaN(p.y) {
				low, high = min(low, p.low), max(high, p.high)
			}
		}
		wantLow, wantHigh := math.Inf(1), math.Inf(-1)
		for _, p := range points {
			if !math.IsNaN(p.y) {
				wantLow, wantHigh = min(wantLow, p.y), max(wantHigh, p.y)
			}
		}
		if low != wantLow || high != wantHigh {
			t.Fatalf("range [%g, %g] became [%g, %g] (%d gaps)", wantLow, wantHigh, low, high, gaps)
		}
	})
}

// Values that are not finite break a line and are nowhere in the markup.
func TestGapsBreakLines(t *testing.T) {
	run := sampleRun(size{1, 2, 200, 2}, 1)
	charts := slices.Concat(curves(Content{Runs: []Run{run}})...)
	loss := charts[1].series[0]
	if got := len(loss.pieces(charts[1].y)); got != 2 {
		t.Errorf("the loss has %d pieces, want 2", got)
	}
	for _, c := range charts {
		if markup := string(c.svg()); strings.Contains(markup, "NaN") || strings.Contains(markup, "Inf") {
			t.Errorf("%s holds a value that is not finite", c.name)
		}
	}
	if got := caption([]Run{run}); !strings.Contains(got, "shows as a gap: no-annealing, with a long name 4.") {
		t.Errorf("the caption does not count the gaps: %s", got)
	}
}

// Labels of lines that end at one place do not lie on each other.
func TestDirectLabelsAreApart(t *testing.T) {
	c := chart{x: unitAxis(""), y: unitAxis("")}
	for range 6 {
		c.series = append(c.series, series{name: "line", points: []point{{x: 0, y: 0.01}, {x: 1, y: 0.01}}})
	}
	var b strings.Builder
	c.directLabels(&b, frame{left: 0, right: 300, top: marginTop, bottom: 190})
	places := map[string]bool{}
	for _, text := range strings.Split(b.String(), "<text")[1:] {
		_, y, _ := strings.Cut(text, ` y="`)
		y, _, _ = strings.Cut(y, `"`)
		places[y] = true
	}
	if len(places) != 6 {
		t.Errorf("6 labels at %d heights: %v", len(places), places)
	}
}

// A single run shows all figures that it was validated by, several runs the first
// of each; one validation is no curve.
func TestValidationCharts(t *testing.T) {
	a, b := sampleRun(size{1, 2, 50, 2}, 0), sampleRun(size{1, 2, 50, 2}, 1)
	if got := validationCharts([]Run{a}); len(got) != 1 || len(got[0].series) != 3 || got[0].title != "PQ" || len(got[0].series[0].points) != 5 {
		t.Errorf("of one run: %+v", got)
	}
	if got := validationCharts([]Run{a, b}); len(got) != 1 || len(got[0].series) != 2 || got[0].series[1].name != b.Name {
		t.Errorf("of two runs: %+v", got)
	}
	a.Validations = a.Validations[:1]
	if got := validationCharts([]Run{a}); got != nil {
		t.Errorf("of one validation: %+v", got)
	}
}

func TestPicturesKeepTheirColors(t *testing.T) {
	labels := image.NewRGBA(image.Rect(10, 10, 1210, 910)) // not at the origin, larger than the page shows
	for i := range labels.Pix {
		labels.Pix[i] = 0xff
	}
	labels.SetRGBA(10, 10, color.RGBA{0xd5, 0x5e, 0, 0xff})
	p, err := newPicture("truth", "a.jpg", labels)
	if err != nil {
		t.Fatal(err)
	}
	if p.Width != maxPicture || p.Height != maxPicture*900/1200 || !strings.HasPrefix(string(p.Source), "data:image/png;") || p.Alt != "truth of a.jpg" {
		t.Errorf("%d x %d, %.20s, %s", p.Width, p.Height, p.Source, p.Alt)
	}
	photo := sampleExample("best", image.Pt(64, 48), Number{}, newSource()).Photo
	if p, err = newPicture("photo", "a.jpg", photo); err != nil || !strings.HasPrefix(string(p.Source), "data:image/jpeg;") || !p.Small {
		t.Errorf("%.20s, small %t, %v", p.Source, p.Small, err)
	}
}

func TestSharesOfAnAbsentClass(t *testing.T) {
	c := &Confusion{Key: "run/confusion", Truth: []string{"a", "b"}, Predicted: []string{"a", "b"}, Counts: [][]float64{{3, 1}, {0, 0}}}
	if got := c.number(0, 1); got != (Number{"run/confusion/a/b", 0.25, Percent}) {
		t.Errorf("%+v", got)
	}
	if !math.IsNaN(c.Share(1, 1)) {
		t.Error("a class without truth has a share")
	}
}

// FuzzPrinted reads any page without a panic.
func FuzzPrinted(f *testing.F) {
	f.Add(`<data class="n" value="0.5" data-key="run/PQ">50.0</data>`)
	f.Add(`<data class="n" value="" data-key="&#34;">–</data><data `)
	f.Fuzz(func(t *testing.T, text string) {
		numbers, err := Printed(strings.NewReader(text))
		if err != nil && numbers != nil {
			t.Error("numbers and an error")
		}
	})
}
