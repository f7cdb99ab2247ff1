-- An export goes from a trace to those that it started. Most traces were started by none.
CREATE INDEX traces_tenant_id_parent_trace_id_idx ON traces.traces (tenant_id, parent_trace_id)
  WHERE parent_trace_id IS NOT NULL;
