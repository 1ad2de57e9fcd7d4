package drives

// footer is what the numbers rest on, and what they do not say.
const footer = `
## The drives

A winding road of pieces of good, fair and poor asphalt (ISO 8608), an object every 40 to 150 m, more than two in five of them potholes, as
[the simulated cities](world.md) have them. A car follows a speed plan between 5 and 16 m/s, slows down for speed bumps, stops at lights and brakes
hard now and then; a quarter-car under each axle or a half-car on four wheels shakes a holder, which shakes a sensor of uneven intervals. Every 25 to
65 s somebody turns the phone, drops it, touches it, plays music or knocks against it. A knock is 30 ms of 0.8 g and cannot be told from
a blow of the road: most events from hands are knocks. At 5 Hz a jolt can lie between two samples, and nothing hears it then.

## Where it fails

- A third of the potholes are not heard in a single pass at any rate: shallow ones, met slowly. The simulated phone feels less than the road's
  noise of them. Several cars hear more than one.
- At 5 and 10 Hz other methods find more of the simulated potholes, because simulated asphalt between objects is smooth enough for low
  thresholds. On real roads those thresholds hear far too much (below), and ours are set by real roads.
- At 20 Hz precision is lowest: what the wheels do at 10 to 14 Hz is folded into what the body does, and no filter can take it out any more.
- A phone in a pocket feels half of what one in a holder does.
- At 5 Hz a waveform of eleven samples says little of its cause.

## Real recordings

Public recordings, none of which the project may carry, were used to set the parameters, so these numbers are not those of an independent test. Made
by hand in November 2026.

| recordings | what | 3 m/s² | app | Streetpulse |
|---|---|---|---|---|
| 40 min of drives in Qatar (sshaar/Road-Surface-Feature-Identification), 33 Hz; each thinned to 5.5 Hz in five ways that stand for five trips. A jolt of at least 3.6 m/s² at 33 Hz is the truth (164) | found by two of five | 0.49 | 0.44 | 0.82 |
| | places that are none (no jolt of 2.5 m/s²) | 0.00 | 0.21 | 0.01 |
| the smoothest of those labelled smooth (simonwu53/RoadSurfaceRecognition, Estonia), 5 Hz | events in 23 min | 0 | 4 | 1 |
| all labelled smooth, 5 Hz | events in 28 min | 15 | 31 | 39 |
| all labelled bumpy or rough, 5 Hz | events in 43 min | 499 | 178 | 604 |
| 1.2 to 4 s at 50 Hz: road from São Paulo (francnascimento/potholes-mapping), in half of them a simulated pothole | potholes heard | 0.62 | 0.45 | 0.69 |
| | road heard (it is not free of jolts) | 0.20 | 0.14 | 0.15 |

Whether anything better can be had from the same samples was tried on half of each recording and looked at on the other half: every other four
minutes of Qatar and every other file of Estonia, each in two phases; one drive of São Paulo each, a quarter to 0.7 of a simulated jolt's
strength laid on it.

| what | 3 m/s² | Streetpulse | the same on the other half |
|---|---|---|---|
| Qatar at 5.5 Hz, found by two of five | 0.49 | 0.84 | 0.88 |
| of these, jolts of more than five times the road's rms around them (83) | 0.52 | 0.81 | 0.90 |
| São Paulo, 1.2 to 4 s at 50 Hz, potholes heard / road heard | 0.66 / 0.07 | 0.70 / 0.05 | 0.69 / 0.18 |
| São Paulo, pothole or speed bump of half the simulated strength, area under the curve | | 0.94 | 0.83 |

- At 5 Hz nothing beat the peak: pairs and triples of samples, differences, the two horizontal axes, other high-passes. Holding a jolt against
  the roughness around it trades one error for the other: at 2.4 times the rms there are 30 events on roads labelled smooth where there were
  44, and of the jolts in Qatar 0.60 and 0.65 are found instead of 0.84 and 0.88. The dependence stays as weak as it is.
- Of the events on roads labelled smooth, three quarters are from six minutes of one car (2019) that is shaken steadily, with 1 to 1.8 m/s² (rms):
  no single blow, but the highest of many samples. On the other 22 minutes there are 11, most of them blows that stand out of a smooth
  road as a pothole or a joint does.
- At 50 Hz a classifier of fourteen measures of a clip gained on the drive that it was fitted on (area 0.90) and lost on the other one
  (0.80, where the threshold alone has 0.81). Shorter bins or lower quantiles of the roughness move along the same curve: 0.75 of the potholes
  at 0.16 of the roads.

Better labelled public recordings exist. None of them was looked at here, so that the detector can still be tested on them.
`
