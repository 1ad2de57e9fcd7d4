package web_test

import (
	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
)

// defects are places of every class and state, spread over Krems.
func defects() []defect {
	return []defect{
		{ID: "pringstrasse1", Street: "Ringstraße", Share: .45, State: crowd.Confirmed, Severity: .81, Devices: 11, Passes: 2, Days: 8, Order: dispatch.InProgress},
		{ID: "phohenstein1", Street: "Hohensteinstraße", Share: .8, State: crowd.Confirmed, Severity: .77, Devices: 9, Passes: 1, Days: 8, Order: dispatch.New},
		{ID: "pgoettweiger1", Street: "Göttweigergasse", Share: .6, State: crowd.Confirmed, Severity: .52, Devices: 8, Passes: 1, Days: 27, Order: dispatch.Verified},
		{ID: "pmitterweg1", Street: "Mitterweg", Share: .4, State: crowd.Suspected, Severity: .45, Devices: 3, Passes: 2, Days: 2},
		{ID: "pmissong1", Street: "Missongasse", Share: .5, State: crowd.Suspected, Severity: .55, Devices: 3, Passes: 4, Days: 3, Class: crowd.Casting},
		{ID: "phidden1", Street: "Lindengasse", Share: .5, State: crowd.Suspected, Severity: .9, Devices: 1, Days: 1},
		{Street: "Wachaustraße", Share: .5, State: crowd.Confirmed, Severity: .5, Devices: 6, Passes: 2, Days: 6, Order: dispatch.New},
		{Street: "St. Paul Gasse", Share: .5, State: crowd.Confirmed, Severity: .48, Devices: 6, Passes: 3, Days: 6, Order: dispatch.New},
		{Street: "Austraße", Share: .3, State: crowd.Confirmed, Severity: .55, Devices: 8, Passes: 2, Days: 12, Order: dispatch.Accepted},
		{Street: "Austraße", Share: .7, State: crowd.Confirmed, Severity: .3, Devices: 5, Passes: 2, Days: 10, Order: dispatch.Assigned},
		{Street: "Langenloiser Straße", Share: .2, State: crowd.Confirmed, Severity: .44, Devices: 8, Passes: 4, Days: 9, Order: dispatch.InProgress},
		{Street: "Linke Kremszeile", Share: .5, State: crowd.Suspected, Severity: .1, Devices: 2, Passes: 3, Days: 1},
		{Street: "Ringstraße", Share: .9, State: crowd.Confirmed, Severity: .5, Devices: 9, Passes: 2, Days: 15, Order: dispatch.Repaired},
		{Street: "Edmund-Hofbauerstraße", Share: .3, State: crowd.Confirmed, Severity: .42, Devices: 6, Passes: 1, Days: 14, Order: dispatch.Repaired},
		{Street: "Hohensteinstraße", Share: .3, State: crowd.Confirmed, Severity: .6, Devices: 14, Passes: 1, Days: 30, Order: dispatch.Verified},
		{Street: "Hohensteinstraße", Share: .55, State: crowd.Dismissed, Severity: .3, Devices: 21, Passes: 0, Days: 125, Class: crowd.SpeedBump},
		{Street: "Bahnhofplatz", Share: .4, State: crowd.Confirmed, Severity: .6, Devices: 7, Passes: 2, Days: 11, Class: crowd.Rail},
		{Street: "Bertschingerstraße", Share: .5, State: crowd.Confirmed, Severity: .35, Devices: 5, Passes: 2, Days: 9, Order: dispatch.Reopened},
		{ID: "pjoint1", Street: "Mitteraustraße", Share: .5, State: crowd.Suspected, Severity: .3, Devices: 2, Passes: 1, Days: 4, Class: crowd.Joint},
		{Street: "Dr. Gschmeidlerstraße", Share: .5, State: crowd.Faded, Severity: .2, Devices: 2, Passes: 9, Days: 40},
		{Street: "Wiener Straße", Share: .4, State: crowd.Confirmed, Severity: .7, Devices: 9, Passes: 1, Days: 20, Order: dispatch.Verified},
		{Street: "Lerchenfelder Straße", Share: .5, State: crowd.Confirmed, Severity: .4, Devices: 5, Passes: 2, Days: 7, Order: dispatch.Accepted},
		{Street: "Weinzierl", Share: .5, State: crowd.Suspected, Severity: .5, Devices: 3, Passes: 2, Days: 5},
		{Street: "Schmidhüttenstraße", Share: .5, State: crowd.Confirmed, Severity: .66, Devices: 7, Passes: 1, Days: 6, Class: crowd.Casting},
		{Street: "Strandbadstraße", Share: .4, State: crowd.Confirmed, Severity: .3, Devices: 6, Passes: 2, Days: 18, Order: dispatch.Repaired},
		{Street: "Lastenstraße", Share: .5, State: crowd.Confirmed, Severity: .2, Devices: 5, Passes: 3, Days: 12, Order: dispatch.Dismissed},
		{Street: "Brennaustraße", Share: .3, State: crowd.Suspected, Severity: .6, Devices: 4, Passes: 1, Days: 2},
		{Street: "Neuweidlinger Straße", Share: .6, State: crowd.Confirmed, Severity: .72, Devices: 10, Passes: 0, Days: 5, Order: dispatch.New},
		{Street: "Kremstalstraße", Share: .3, State: crowd.Confirmed, Severity: .45, Devices: 7, Passes: 2, Days: 22, Order: dispatch.Verified},
		{Street: "Rechte Kremszeile", Share: .5, State: crowd.Confirmed, Severity: .38, Devices: 6, Passes: 1, Days: 9, Order: dispatch.Assigned},
		{Street: "Hafenstraße", Share: .6, State: crowd.Confirmed, Severity: .8, Devices: 12, Passes: 1, Days: 10, Order: dispatch.InProgress},
		{Street: "Gewerbeparkstraße", Share: .4, State: crowd.Suspected, Severity: .4, Devices: 2, Passes: 2, Days: 1},
		{Street: "Heinemannstraße", Share: .5, State: crowd.Suspected, Severity: .3, Devices: 3, Passes: 2, Days: 3},
		{Street: "Pointgasse", Share: .5, State: crowd.Dismissed, Severity: .2, Devices: 9, Passes: 2, Days: 90, Class: crowd.SpeedBump},
		{Street: "Untere Landstraße", Share: .5, State: crowd.Confirmed, Severity: .33, Devices: 5, Passes: 2, Days: 25, Order: dispatch.Verified},
		{Street: "Dammstraße", Share: .5, State: crowd.Faded, Severity: .2, Devices: 3, Passes: 8, Days: 60, Class: crowd.Nothing},
		{Street: "Schrebergasse", Share: .5, State: crowd.Confirmed, Severity: .47, Devices: 6, Passes: 1, Days: 13, Order: dispatch.Repaired},
		{Street: "Hofrat-Erben-Straße", Share: .5, State: crowd.Suspected, Severity: .2, Devices: 2, Passes: 1, Days: 2},
		{Street: "Wasendorferstraße", Share: .5, State: crowd.Confirmed, Severity: .9, Devices: 13, Passes: 1, Days: 4, Order: dispatch.New},
		{Street: "Symalenstraße", Share: .5, State: crowd.Confirmed, Severity: .36, Devices: 5, Passes: 2, Days: 16, Order: dispatch.Accepted},
	}
}
