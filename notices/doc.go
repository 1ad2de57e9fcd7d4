// Package notices tells people and other programs what has happened: by mail, and by signed requests to addresses that an
// administrator has registered (Standard Webhooks, https://www.standardwebhooks.com).
//
// It knows no orders, places or people. Whoever has something to tell says it in the transaction in which it happens: Post a mail, Tell
// a happening. Both leave rows and jobs (River) behind, which a Courier works off: it tries again for days, gives up into dead letters
// that can be sent again by hand, and after a crash goes on where it was. What is committed is delivered at least once; what was
// delivered, and is known to have been, is not delivered again.
//
// Begin reading at Post, Tell and Courier.
package notices
