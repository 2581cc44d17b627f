package memory

import "testing"

func TestParse(t *testing.T) {
	for text, want := range map[string]int64{
		"24GiB": 24 << 30, "80GB": 80e9, "500MiB": 500 << 20, "1.5gib": 3 << 29, " 2 TiB ": 2 << 40, "7kB": 7000, "1KiB": 1024,
		"": 0, "24": 0, "GiB": 0, "-1GiB": 0, "0GB": 0, "0.0001kB": 0, "NaNGB": 0, "InfGB": 0, "1e30GB": 0, "24G": 0, "24 GiB or so": 0, "24GiBGiB": 0,
	} {
		got, err := Parse(text)
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %d, %v, want %d", text, got, err, want)
		}
	}
	if _, err := Parse("24"); err == nil || err.Error() != `memory "24": want a number with a unit, such as 24GiB, 80GB or 500MiB` {
		t.Errorf("%v", err)
	}
}

func TestFormat(t *testing.T) {
	for bytes, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.00 KiB", 3 << 29: "1.50 GiB", 2 << 40: "2.00 TiB"} {
		if got := Format(bytes); got != want {
			t.Errorf("%d: %s, want %s", bytes, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"24GiB", "80GB", "1e3MiB", "0x1p4kB", "-"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := Parse(text); (err == nil) != (n > 0) {
			t.Errorf("%q: %d, %v", text, n, err)
		}
	})
}
