package arch

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// Every field counts, under its JSON name.
func TestDifferencesNameEveryField(t *testing.T) {
	fields := reflect.TypeFor[Architecture]()
	for i := range fields.NumField() {
		a := tiny(DINOv2)
		switch field := reflect.ValueOf(&a).Elem().Field(i); field.Kind() {
		case reflect.Bool:
			field.SetBool(!field.Bool())
		case reflect.Int:
			field.SetInt(field.Int() + 1)
		case reflect.Float64:
			field.SetFloat(field.Float() + 1)
		case reflect.String:
			field.SetString("other")
		case reflect.Struct:
			field.FieldByName("Rank").SetInt(2)
		case reflect.Array:
			field.Index(1).SetInt(9)
		}
		want, _, _ := strings.Cut(fields.Field(i).Tag.Get("json"), ",")
		var got []string
		for _, d := range tiny(DINOv2).Differences(a) {
			got = append(got, d.Field)
		}
		if !slices.Equal(got, []string{want}) {
			t.Errorf("%s changed: differences %v, want %s", fields.Field(i).Name, got, want)
		}
	}
	named := tiny(DINOv2)
	named.Network = EoMT
	if d := named.Differences(tiny(DINOv2)); d != nil {
		t.Errorf("the default network by name: %v", d)
	}
}
