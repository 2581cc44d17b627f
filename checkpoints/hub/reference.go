package hub

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// backbones are the short names of published backbones and their repositories.
var backbones = map[string]string{
	"dinov2:vits14":      "facebook/dinov2-small",
	"dinov2:vitb14":      "facebook/dinov2-base",
	"dinov2:vitl14":      "facebook/dinov2-large",
	"dinov2:vitg14":      "facebook/dinov2-giant",
	"dinov2:vits14_reg4": "facebook/dinov2-with-registers-small",
	"dinov2:vitb14_reg4": "facebook/dinov2-with-registers-base",
	"dinov2:vitl14_reg4": "facebook/dinov2-with-registers-large",
	"dinov2:vitg14_reg4": "facebook/dinov2-with-registers-giant",
	"dinov3:vits16":      "facebook/dinov3-vits16-pretrain-lvd1689m",
	"dinov3:vitb16":      "facebook/dinov3-vitb16-pretrain-lvd1689m",
	"dinov3:vitl16":      "facebook/dinov3-vitl16-pretrain-lvd1689m",
	"dinov3:vit7b16":     "facebook/dinov3-vit7b16-pretrain-lvd1689m",
}

// repositoryForm and revisionForm keep references inside the cache folder.
var (
	repositoryForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*/[A-Za-z0-9][A-Za-z0-9_.-]*$`)
	revisionForm   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)
)

// IsReference reports whether text names something on the hub, "dinov2:NAME",
// "dinov3:NAME" or "hf:OWNER/NAME", and is not a path.
func IsReference(text string) bool {
	scheme, _, ok := strings.Cut(text, ":")
	return ok && slices.Contains([]string{"dinov2", "dinov3", "hf"}, scheme)
}

// Repository is the hub's name for a reference: OWNER/NAME.
func Repository(reference string) (string, error) {
	if id, ok := strings.CutPrefix(reference, "hf:"); ok {
		if !repositoryForm.MatchString(id) {
			return "", fmt.Errorf("hub: %q is not a repository; want hf:OWNER/NAME", reference)
		}
		return id, nil
	}
	if id, ok := backbones[reference]; ok {
		return id, nil
	}
	known := make([]string, 0, len(backbones))
	for name := range backbones {
		known = append(known, name)
	}
	slices.Sort(known)
	return "", fmt.Errorf("hub: unknown weights %q; want hf:OWNER/NAME or one of %s", reference, strings.Join(known, ", "))
}

// Resolve is the folder of weights that text stands for: text itself where it
// is a path, otherwise what [Fetch] gives for the reference.
func Resolve(ctx context.Context, text string, o Options) (string, error) {
	if !IsReference(text) {
		return text, nil
	}
	return Fetch(ctx, text, o)
}
