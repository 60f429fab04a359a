// Made from package.json: change that file and run npm run build.
#ifndef VERACRUZ_VERSION_H
#define VERACRUZ_VERSION_H

#define VC_VERSION_MAJOR 0
#define VC_VERSION_MINOR 1
#define VC_VERSION_PATCH 0
#define VC_VERSION "0.1.0"

#endif
