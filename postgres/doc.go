// Package postgres is the way to the database: pools, migrations, and the private server that runs
// where nobody named another one. It knows no table; each package that stores has its own SQL, and the
// schema is in migrations.
//
// Begin with [Open]. The private server belongs to a data folder: every process that works on the
// folder shares it, the first one starts it, the last one stops it.
package postgres
