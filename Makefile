# Streetpulse. `make run` shows it, `make test` proves it; both install what is missing.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := build

GOLANGCI := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
UI := $(shell find web/ui -type f -not -path '*/node_modules/*' 2>/dev/null)
DETECTOR := $(wildcard firmware-sim/detector/*.go firmware-sim/unit/*.go firmware-sim/browser/*.go)
GO := $(shell find . -name '*.go' -not -path '*/node_modules/*') go.mod go.sum

DEMO ?= 1
STREETPULSE_DATA ?= ./data
export STREETPULSE_DATA

.PHONY: run test build lint bench eval generate proto pictures ui clean

# Starts everything and the demonstration town; DEMO=0 starts empty. Ctrl-C stops it all.
run: bin/streetpulse
	@scripts/need postgres
	@exec bin/streetpulse serve $(if $(filter 0,$(DEMO)),,--demo)

build: bin/streetpulse

bin/streetpulse: $(GO) web/dist/.built
	@scripts/need go cc
	go build -trimpath -o $@ ./cmd/streetpulse

# The pages' scripts, styles and fonts, and the detector for the drive page, which the binary carries.
ui: web/dist/.built
web/dist/.built: $(UI) $(DETECTOR) go.mod
	@scripts/need node go
	cd web/ui && npm ci --no-audit --no-fund --loglevel=error && npm run --silent build
	@touch $@

test: web/dist/.built
	@scripts/need go cc postgres chromium mosquitto
	cd web/ui && npm test --silent
	go test -race -short -trimpath -vet=off -timeout 12m ./...
	go test -trimpath -vet=off -run '^(TestCrowdBeatsCounting|TestTheDatabaseChangesNothing|TestOrdersOfARecording|TestDriveIsTheWholeCity|TestStudy|TestASmallStudy|TestOrderOfDelivery)$$' ./evaluate/... ./crowd
	go test -trimpath -vet=off ./firmware-sim ./firmware-sim/elsewhere ./firmware-sim/unseen

lint: web/dist/.built
	go run $(GOLANGCI) run ./...
	cd web/ui && npx --no-install tsc --noEmit

# Speed, as shares of the floors measured in the same run; never under -race.
bench: bin/streetpulse
	@scripts/need postgres chromium
	GOGC=200 go test -run '^$$' -bench . -benchtime 1x -timeout 20m ./ingest/... ./crowd/... ./geo/... ./evaluate/... ./web/...

# How well it works: the crowd on cities that the model has not seen, with each adversary alone and each defence off; and the
# detector on simulated drives, beside published ones.
eval: bin/streetpulse
	bin/streetpulse evaluate --detector docs/detector.md
	bin/streetpulse evaluate --seed 201-208 --markdown docs/evaluation.md --plot docs/pictures/evaluation.svg

# Everything in the project that a command makes and that must not differ: the Go code of the Protobuf format, and the waveform
# classifier's parameters.
generate: proto bin/streetpulse
	bin/streetpulse evaluate --seed 101-112 --train crowd/waveform.json

# protoc writes its own version into what it makes: that line is left out, so that any protoc 3 or later makes the same.
proto:
	@scripts/need go protoc
	mkdir -p bin && go build -o bin/protoc-gen-go google.golang.org/protobuf/cmd/protoc-gen-go
	protoc --plugin=bin/protoc-gen-go --proto_path=ingest --go_out=. --go_opt=module=github.com/streetpulse/streetpulse streetpulse.proto
	sed -i -E '/^\/\/ 	(protoc |protoc-gen-go )/d; /^\/\/ versions:$$/d' ingest/wire/pb/streetpulse.pb.go

# The pictures of README.md and docs/pages.md, made by the browser tests: of those that the tests take, the ones whose names the two tell.
pictures: web/dist/.built
	@scripts/need postgres chromium
	rm -rf tmp/pictures && STREETPULSE_SHOTS=$(CURDIR)/tmp/pictures STREETPULSE_SHOTS_AS=webp go test -count=1 -timeout 25m \
		-run 'TestPictures|TestConsole$$|TestDrive$$|TestCrewDayOffline|TestAccountJourney' ./web
	rm -f docs/pictures/*.webp
	for name in $$(grep -oh 'pictures/[a-z0-9-]*\.webp' README.md docs/pages.md | sort -u); do cp tmp/$$name docs/$$name || exit 1; done

clean:
	rm -rf bin web/dist/* web/ui/node_modules
