// Package drives measures how well detectors of jolts hear, on simulated drives with raw sensor samples: our own detector beside
// published ones, over sample rates, mounts and vehicles.
//
// A detector sees what a phone's sensors give and nothing of what is true. Begin reading at Measure for one drive, at Run for all of
// them, and at Study.Markdown for what is published.
package drives
