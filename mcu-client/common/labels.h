// Made from host/isolate/control-key.ts and host/update/manifest.ts: change them and run npm run build.
#ifndef COMMON_LABELS_H
#define COMMON_LABELS_H

#define CONTROL_LABEL "veracruz-control-v1"
#define CONFIRMATION_LABEL "veracruz-confirm-v1"

#endif
