{{- define "clawmesh.fullname" -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What selects the pods of a part: (list root part). */}}
{{- define "clawmesh.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ $root.Values.nameOverride | default $root.Chart.Name }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* Labels of an object: (list root part). */}}
{{- define "clawmesh.labels" -}}
{{- $root := index . 0 -}}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name ($root.Chart.Version | replace "+" "_") }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
app.kubernetes.io/part-of: clawmesh
{{ include "clawmesh.selector" . }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* metadata of an object: (list root part name annotations), and perhaps more labels. */}}
{{- define "clawmesh.metadata" -}}
{{- $root := index . 0 -}}
name: {{ index . 2 }}
namespace: {{ $root.Release.Namespace }}
labels:
  {{- include "clawmesh.labels" (list $root (index . 1)) | nindent 2 }}
  {{- if gt (len .) 4 }}
  {{- with index . 4 }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- end }}
{{- $annotations := mergeOverwrite (deepCopy $root.Values.commonAnnotations) (deepCopy (index . 3 | default dict)) }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "clawmesh.services" -}}identity agents providers memory tools channels packages traces{{- end -}}

{{/* The targets that run, between spaces. */}}
{{- define "clawmesh.targets" -}}
{{- if eq .Values.mode "all" -}}all{{- else -}}gateway {{ include "clawmesh.services" . }}{{- end -}}
{{- end -}}

{{/* Everything that holds for a target, as YAML: (list root target). A key of the target goes before that of defaults. */}}
{{- define "clawmesh.target" -}}
{{- $values := (index . 0).Values -}}
{{- $own := deepCopy (index $values.targets (index . 1) | default dict) -}}
{{- $all := mergeOverwrite (deepCopy $values.defaults) $own -}}
{{- $_ := set $all "settings" (mergeOverwrite (deepCopy $values.settings) (deepCopy $values.defaults.settings) (deepCopy ($own.settings | default dict))) -}}
{{- toYaml $all -}}
{{- end -}}

{{- define "clawmesh.image" -}}
{{- $root := index . 0 -}}
{{- $image := index $root.Values.images (index . 1) -}}
{{- with $image.registry }}{{ . }}/{{ end -}}
{{- $image.repository -}}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default $root.Chart.AppVersion }}{{ end -}}
{{- end -}}

{{/* The names of the program's addresses: (list root service). */}}
{{- define "clawmesh.serviceName" -}}
{{ include "clawmesh.fullname" (index . 0) }}-{{ index . 1 }}
{{- end -}}

{{- define "clawmesh.serviceAccountName" -}}
{{- $root := index . 0 -}}
{{- $account := (include "clawmesh.target" . | fromYaml).serviceAccount -}}
{{- if $account.create -}}
{{- $account.name | default (include "clawmesh.serviceName" .) -}}
{{- else -}}
{{- $account.name | default "default" -}}
{{- end -}}
{{- end -}}

{{/* The Secret with the certificates of the mesh; empty without. */}}
{{- define "clawmesh.meshTlsSecret" -}}
{{- if ne .Values.meshTls.mode "off" -}}
{{- .Values.meshTls.existingSecret.name | default (printf "%s-mesh-tls" (include "clawmesh.fullname" .)) -}}
{{- end -}}
{{- end -}}

{{/* A whole number of a setting, which large numbers of values are only after a conversion. */}}
{{- define "clawmesh.settingText" -}}
{{- if kindIs "string" . }}{{ . }}
{{- else if kindIs "float64" . }}{{ if eq (float64 (int64 .)) . }}{{ int64 . }}{{ else }}{{ . }}{{ end }}
{{- else if kindIs "slice" . }}{{ join "," . }}
{{- else if kindIs "map" . }}{{ toJson . }}
{{- else }}{{ . }}{{ end -}}
{{- end -}}

{{/* Whether the databases are migrated by the services as they start. */}}
{{- define "clawmesh.migratesAtStart" -}}
{{- if .Values.bundled.enabled -}}true{{- end -}}
{{- end -}}

{{- define "clawmesh.hasDatabase" -}}
{{- if or .Values.bundled.enabled .Values.database.url .Values.database.existingSecret.name -}}true{{- end -}}
{{- end -}}

{{/* Where a connection's URL stands, {name, key}: (list root "database"|"nats"|"redis"); empty when it is nowhere. */}}
{{- define "clawmesh.urlRef" -}}
{{- $root := index . 0 -}}
{{- $what := index . 1 -}}
{{- $given := index $root.Values $what -}}
{{- if $given.existingSecret.name -}}
{{- dict "name" $given.existingSecret.name "key" $given.existingSecret.key | toYaml -}}
{{- else if or $given.url $root.Values.bundled.enabled -}}
{{- dict "name" (include "clawmesh.fullname" $root) "key" (printf "%s-url" $what) | toYaml -}}
{{- end -}}
{{- end -}}

{{/* Where a secret stands, {name, key}: (list root key-of-values key-of-secret). */}}
{{- define "clawmesh.secretRef" -}}
{{- $root := index . 0 -}}
{{- $given := index $root.Values.secrets (index . 1) -}}
{{- if $given.existingSecret.name -}}
{{- dict "name" $given.existingSecret.name "key" $given.existingSecret.key | toYaml -}}
{{- else -}}
{{- dict "name" (printf "%s-keys" (include "clawmesh.fullname" $root)) "key" (index . 2) | toYaml -}}
{{- end -}}
{{- end -}}

{{/*
The environment of the program: (list root target settings), a map of name to `value` or `valueFrom`. What a target has no
use for it is not given: an edge no database, a service no gateway token.
*/}}
{{- define "clawmesh.env" -}}
{{- $root := index . 0 -}}
{{- $target := index . 1 -}}
{{- $values := $root.Values -}}
{{- $env := dict -}}
{{- range $name, $value := index . 2 -}}
{{- if not (kindIs "invalid" $value) -}}
{{- $_ := set $env $name (dict "value" (include "clawmesh.settingText" $value)) -}}
{{- end -}}
{{- end -}}
{{- $_ := set $env "CLAWMESH_DATA_DIR" (dict "value" "/var/lib/clawmesh") -}}
{{- $_ := set $env "CLAWMESH_WORKSPACE" (dict "value" "/var/lib/clawmesh/workspace") -}}
{{- if $values.config -}}
{{- $_ := set $env "CLAWMESH_CONFIG" (dict "value" "/etc/clawmesh/config.json") -}}
{{- end -}}
{{- $refs := dict "CLAWMESH_MESH_SECRET" (include "clawmesh.secretRef" (list $root "meshSecret" "mesh-secret")) -}}
{{- $_ := set $refs "CLAWMESH_ENCRYPTION_KEY" (include "clawmesh.secretRef" (list $root "encryptionKey" "encryption-key")) -}}
{{- range $key, $to := dict "encryptionOtherKeys" (list "CLAWMESH_ENCRYPTION_OTHER_KEYS" "encryption-other-keys") "meshOtherSecrets" (list "CLAWMESH_MESH_OTHER_SECRETS" "mesh-other-secrets") -}}
{{- $given := index $values.secrets $key -}}
{{- if or $given.value $given.existingSecret.name -}}
{{- $_ := set $refs (first $to) (include "clawmesh.secretRef" (list $root $key (last $to))) -}}
{{- end -}}
{{- end -}}
{{- $_ := set $refs "NATS_URL" (include "clawmesh.urlRef" (list $root "nats")) -}}
{{- if has $target (list "gateway" "all") -}}
{{- $_ := set $refs "REDIS_URL" (include "clawmesh.urlRef" (list $root "redis")) -}}
{{- $_ := set $refs "GOCLAW_GATEWAY_TOKEN" (include "clawmesh.secretRef" (list $root "gatewayToken" "gateway-token")) -}}
{{- end -}}
{{- if ne $target "gateway" -}}
{{- $_ := set $refs "DATABASE_URL" (include "clawmesh.urlRef" (list $root "database")) -}}
{{- range $service, $own := $values.database.services -}}
{{- if or (eq $target "all") (eq $target $service) -}}
{{- $ref := $own.existingSecret | default (dict "name" (include "clawmesh.fullname" $root) "key" (printf "%s-database-url" $service)) -}}
{{- $_ := set $refs (printf "%s_DATABASE_URL" (upper $service)) (toYaml $ref) -}}
{{- end -}}
{{- end -}}
{{- if include "clawmesh.migratesAtStart" $root -}}
{{- $_ := set $env "CLAWMESH_AUTO_UPGRADE" (dict "value" "true") -}}
{{- end -}}
{{- end -}}
{{- range $name, $ref := $refs -}}
{{- with $ref -}}
{{- $_ := set $env $name (dict "valueFrom" (dict "secretKeyRef" (fromYaml .))) -}}
{{- end -}}
{{- end -}}
{{- if include "clawmesh.meshTlsSecret" $root -}}
{{- $_ := set $env "CLAWMESH_MESH_TLS" (dict "value" $values.meshTls.mode) -}}
{{- $_ := set $env "CLAWMESH_MESH_TLS_DIR" (dict "value" "/etc/clawmesh-tls") -}}
{{- end -}}
{{- if eq $target "all" -}}
{{- $_ := set $env "CLAWMESH_HTTP_HOST" (dict "value" "0.0.0.0") -}}
{{- $_ := set $env "CLAWMESH_HTTP_PORT" (dict "value" "8080") -}}
{{- if not (hasKey $env "CLAWMESH_LOG_LEVEL") -}}
{{- $_ := set $env "CLAWMESH_LOG_LEVEL" (dict "value" "info") -}}
{{- end -}}
{{- else -}}
{{- range $service := splitList " " (include "clawmesh.services" $root) -}}
{{- $host := printf "%s.%s" (include "clawmesh.serviceName" (list $root $service)) $root.Release.Namespace -}}
{{- $_ := set $env (printf "CLAWMESH_%s_HTTP_URL" (upper $service)) (dict "value" (printf "http://%s:8080" $host)) -}}
{{- $_ := set $env (printf "CLAWMESH_%s_GRPC_URL" (upper $service)) (dict "value" (printf "dns:///%s:9090" $host)) -}}
{{- end -}}
{{- end -}}
{{- toYaml $env -}}
{{- end -}}

{{/* A map of variables as a container's env: (list map extraEnv). */}}
{{- define "clawmesh.envList" -}}
{{- $env := index . 0 -}}
{{- range index . 1 -}}
{{- $_ := set $env .name (omit . "name") -}}
{{- end -}}
{{- range $name := keys $env | sortAlpha }}
- name: {{ $name }}
  {{- index $env $name | toYaml | nindent 2 }}
{{- end -}}
{{- end -}}

{{/* Refuses values that would install something broken. */}}
{{- define "clawmesh.check" -}}
{{- $values := .Values -}}
{{- if eq $values.mode "mesh" -}}
{{- if not (include "clawmesh.hasDatabase" .) }}{{ fail "mode mesh needs a database: set database.url, database.existingSecret.name or bundled.enabled" }}{{ end -}}
{{- if not (include "clawmesh.urlRef" (list . "nats")) }}{{ fail "mode mesh needs NATS: set nats.url, nats.existingSecret.name or bundled.enabled" }}{{ end -}}
{{- else -}}
{{- $all := include "clawmesh.target" (list . "all") | fromYaml -}}
{{- if or (gt (int $all.replicaCount) 1) $all.autoscaling.enabled $all.keda.enabled }}{{ fail "mode all runs one pod: set mode: mesh to scale" }}{{ end -}}
{{- if $values.bundled.enabled }}{{ fail "mode all has an embedded database: bundled belongs to mode mesh" }}{{ end -}}
{{- end -}}
{{- range $target := splitList " " (include "clawmesh.targets" .) -}}
{{- $pod := include "clawmesh.target" (list $ $target) | fromYaml -}}
{{- if and $pod.autoscaling.enabled $pod.keda.enabled }}{{ fail (printf "targets.%s: autoscaling and keda are two scalers of one Deployment: enable one" $target) }}{{ end -}}
{{- if and $pod.keda.enabled (or (empty $pod.keda.consumers) (and (empty $values.monitoring.keda.natsEndpoint) (not $values.bundled.enabled))) }}{{ fail (printf "targets.%s: keda needs keda.consumers and monitoring.keda.natsEndpoint" $target) }}{{ end -}}
{{- if and $pod.autoscaling.enabled (gt (int $pod.autoscaling.minReplicas) (int $pod.autoscaling.maxReplicas)) }}{{ fail (printf "targets.%s: autoscaling.minReplicas is above maxReplicas" $target) }}{{ end -}}
{{- $needed := div (add (int64 $pod.settings.CLAWMESH_LAME_DUCK_MS) (int64 $pod.settings.CLAWMESH_DRAIN_TIMEOUT_MS) 999) 1000 -}}
{{- with $pod.terminationGracePeriodSeconds -}}
{{- if lt (int64 .) $needed }}{{ fail (printf "targets.%s: terminationGracePeriodSeconds %v is less than the %d seconds that lame duck and drain may take" $target . $needed) }}{{ end -}}
{{- end -}}
{{- $shared := and $pod.persistence.enabled (not (has "ReadWriteMany" $pod.persistence.accessModes)) (not $pod.persistence.existingClaim) -}}
{{- if and $shared (or (gt (int $pod.replicaCount) 1) $pod.autoscaling.enabled $pod.keda.enabled) }}{{ fail (printf "targets.%s: replicas share the volume, so persistence.accessModes needs ReadWriteMany" $target) }}{{ end -}}
{{- end -}}
{{- if ne $values.meshTls.mode "off" -}}
{{- if ne $values.mode "mesh" }}{{ fail "meshTls belongs to mode mesh: in mode all everything is one process" }}{{ end -}}
{{- if not (or $values.meshTls.existingSecret.name $values.meshTls.certManager.enabled) }}{{ fail "meshTls needs meshTls.existingSecret.name or meshTls.certManager.enabled" }}{{ end -}}
{{- if and $values.meshTls.certManager.enabled (empty $values.meshTls.certManager.issuerRef.name) }}{{ fail "meshTls.certManager needs issuerRef.name" }}{{ end -}}
{{- end -}}
{{- if and $values.route.enabled (empty $values.route.parentRefs) }}{{ fail "route needs route.parentRefs" }}{{ end -}}
{{- if and $values.ingress.enabled (empty $values.ingress.hosts) }}{{ fail "ingress needs ingress.hosts" }}{{ end -}}
{{- end -}}
