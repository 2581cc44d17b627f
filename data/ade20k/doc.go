// Package ade20k reads the ADE20K scene parsing benchmark (SceneParsing150): its
// semantic labels, and the panoptic task derived from them and its instance
// annotations. The official zips are read in place, or unpacked folders of the same layout.
// Start reading at ade20k.go; the class table is in classes.go.
package ade20k
