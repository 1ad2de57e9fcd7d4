// Package geo knows where things are: H3 cells, distances and headings, the streets of an OpenStreetMap
// extract, and vector tiles of them. It knows no defects and no people.
//
// Positions are orb.Point, which is longitude first, in WGS 84 degrees; lengths are metres, angles degrees
// clockwise from true north. Begin with [ReadOSM] and [NewNetwork]; everything works on an empty map too.
package geo
