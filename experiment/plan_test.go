package experiment

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"eomt/configs"
	"eomt/internal/backend"
	"eomt/train"
)

// On a backend whose compiler reports no memory, the plan has what follows from shapes.
func TestPlanWithoutTheCompilersReport(t *testing.T) {
	path, _ := tiny(t)
	p, err := NewPlan(t.Context(), read(t, path, "train.accumulate=2"), PlanOptions{Backend: "go", Memory: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := p.Write(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"64 x 64 px, batch 2 in 2 shares, up to 8 targets per image", "1 image   8 images", "temporary memory", "unknown",
		"backend go reports no temporary memory", "-backend xla:cpu"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q lacks %q", &text, want)
		}
	}
	if m := p.At(1); m.Parameters == 0 || m.Slots != 2*m.Parameters || !m.Shares {
		t.Errorf("%+v", m)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(path), "shapes")); err == nil {
		t.Error("the data set was generated for a plan")
	}
}

// planOf is a plan of 8 images whose peak is 20 and 10 per image.
func planOf(limit int64, accumulate int) *Plan {
	p := &Plan{Backend: "xla:cuda", Limit: limit, LimitIs: "-memory"}
	p.Config.Data.Loader.Batch, p.Config.Train.Accumulate = 8, accumulate
	for i, images := range planned(p.atOnce()) {
		p.Compiled[i] = PlanPoint{images, train.Memory{Parameters: 2, Slots: 4, Gradients: 2, Known: true, Shares: accumulate > 1,
			Program: backend.Memory{Arguments: 10, Outputs: 10, Temporary: int64(10 * images)}}}
	}
	return p
}

func TestPlansAdvice(t *testing.T) {
	for _, c := range []struct {
		limit      int64
		accumulate int
		want       string
	}{
		{100, 1, "data.batch=8 fits, with 0 B to spare: nothing has to be set."},
		{99, 1, "2 and 8 images: 7.\ndata.batch=8 takes 100 B: -set train.accumulate=2 has the same gradient in shares of 4 images, about 54 B; -set data.batch=7 fits too and is another recipe."},
		{30, 1, "2 and 8 images: 1.\ndata.batch=8 takes 100 B: -set train.accumulate=8 has the same gradient in shares of 1 image, about 24 B; -set data.batch=1 fits"},
		{29, 1, "2 and 8 images: none.\ndata.batch=8 takes 100 B: -set train.accumulate=8 has the same gradient in shares of 1 image, about 24 B."},
		{60, 2, "2 and 4 images: 6 in shares of 3.\ndata.batch=8 in 2 shares takes 66 B: -set train.accumulate=4 has the same gradient in shares of 2 images, about 46 B; -set data.batch=6 fits"},
		{23, 1, "2 and 8 images: none.\ndata.batch=8 takes 100 B: one image takes 24 B: set a smaller model.size or model.image"},
		{0, 1, "Backend xla:cuda does not say how much memory its device has: -memory 24GiB"},
	} {
		if got := planOf(c.limit, c.accumulate).advice(); !strings.Contains(got, c.want) {
			t.Errorf("%d bytes, %d shares: %q, want %q", c.limit, c.accumulate, got, c.want)
		}
	}
}

const planChild = "EOMT_TEST_PLAN"

// Peaks are the totals of XLA's own memory reports, constants aside.
func TestPlanAgainstXLAsReport(t *testing.T) {
	if path := os.Getenv(planChild); path != "" {
		planInChild(t, path)
		return
	}
	if !backend.HasPlugin("cpu") {
		t.Skip("no PJRT plugin here: `make setup` fetches it")
	}
	path, _ := tiny(t)
	dump := t.TempDir()
	command := exec.Command(os.Args[0], "-test.run=^TestPlanAgainstXLAsReport$", "-test.v")
	command.Env = append(os.Environ(), planChild+"="+path, "XLA_FLAGS=--xla_backend_optimization_level=0 --xla_dump_hlo_as_text --xla_dump_to="+dump)
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatal(err, string(out))
	}
	reports, err := filepath.Glob(filepath.Join(dump, "*train_step*memory-usage-report.txt"))
	if err != nil || len(reports) != 2 {
		t.Fatalf("reports %v, %v", reports, err)
	}
	peaks := regexp.MustCompile(`peak (\d+)`).FindAllStringSubmatch(string(out), -1)
	for i, report := range reports {
		text, err := os.ReadFile(report)
		if err != nil {
			t.Fatal(err)
		}
		total := regexp.MustCompile(`^Total bytes used: (\d+)`).FindSubmatch(text)
		if len(peaks) != 2 || total == nil {
			t.Fatalf("%s\n%.200s", out, text)
		}
		want, _ := strconv.ParseFloat(string(total[1]), 64)
		if got, _ := strconv.ParseFloat(peaks[i][1], 64); got > want || got < .97*want {
			t.Errorf("peak %.0f, XLA reports %.0f", got, want)
		}
	}
}

func planInChild(t *testing.T, path string) {
	c, err := configs.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPlan(t.Context(), c, PlanOptions{Backend: "xla:cpu"})
	if err != nil {
		t.Fatal(err)
	}
	if p.Limit <= 0 || p.LimitIs != "free on this machine" || !p.Known() {
		t.Errorf("limit %d (%s)", p.Limit, p.LimitIs)
	}
	for _, one := range p.Compiled {
		fmt.Println("peak", one.Peak())
	}
}
