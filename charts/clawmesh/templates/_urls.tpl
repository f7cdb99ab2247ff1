{{/* Password of the bundled database: given, else the one that is kept, else a new one. The same within one rendering. */}}
{{- define "clawmesh.bundledPassword" -}}
{{- if .Values.bundled.password }}{{ .Values.bundled.password }}
{{- else -}}
{{- $kept := (lookup "v1" "Secret" .Release.Namespace (printf "%s-postgresql" (include "clawmesh.fullname" .))).data | default dict -}}
{{- if hasKey $kept "password" }}{{ index $kept "password" | b64dec }}
{{- else -}}
{{- if not (hasKey .Values.bundled "madePassword") }}{{ $_ := set .Values.bundled "madePassword" (randAlphaNum 32) }}{{ end -}}
{{ .Values.bundled.madePassword }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The URLs that the chart itself keeps in a Secret, by key, as YAML. */}}
{{- define "clawmesh.urls" -}}
{{- $values := .Values -}}
{{- $name := include "clawmesh.fullname" . -}}
{{- $urls := dict -}}
{{- range list "database" "nats" "redis" -}}
{{- $given := index $values . -}}
{{- if and $given.url (not $given.existingSecret.name) }}{{ $_ := set $urls (printf "%s-url" .) $given.url }}{{ end -}}
{{- end -}}
{{- if $values.bundled.enabled -}}
{{- if not (or $values.database.url $values.database.existingSecret.name) -}}
{{- $_ := set $urls "database-url" (printf "postgres://clawmesh:%s@%s-postgresql.%s:5432/clawmesh" (include "clawmesh.bundledPassword" .) $name .Release.Namespace) -}}
{{- end -}}
{{- if not (or $values.nats.url $values.nats.existingSecret.name) }}{{ $_ := set $urls "nats-url" (printf "nats://%s-nats.%s:4222" $name .Release.Namespace) }}{{ end -}}
{{- if not (or $values.redis.url $values.redis.existingSecret.name) }}{{ $_ := set $urls "redis-url" (printf "redis://%s-redis.%s:6379" $name .Release.Namespace) }}{{ end -}}
{{- end -}}
{{- range $service, $own := $values.database.services -}}
{{- if $own.url }}{{ $_ := set $urls (printf "%s-database-url" $service) $own.url }}{{ end -}}
{{- end -}}
{{- toYaml $urls -}}
{{- end -}}
