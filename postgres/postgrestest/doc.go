// Package postgrestest gives each test a migrated database of its own on a real PostgreSQL.
//
// The first test of a process that asks starts a server, which is stopped and removed when the process
// ends, however it ends. STREETPULSE_TEST_DATABASE, the URL of a server on which databases may be made,
// is used instead where it is set.
package postgrestest
