// Command browser is the drive page's detector: package unit compiled to WebAssembly (GOOS=js GOARCH=wasm). It hands a page's
// worker one function, globalThis.streetpulse(options), which begins a drive and returns its methods. What crosses the border is
// numbers in typed arrays, as each single value costs a call. See web/ui/src/drive/feeling.ts for the other side.
package main
