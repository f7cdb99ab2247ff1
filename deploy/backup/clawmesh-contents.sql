SELECT format('SELECT %L, count(*), coalesce(md5(string_agg(md5(t::text), '''' ORDER BY md5(t::text))), '''') FROM %s t;', c.oid::regclass, c.oid::regclass)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname IN ('identity', 'agents', 'providers', 'memory', 'tools', 'channels', 'packages', 'traces')
ORDER BY c.oid::regclass::text \gexec
