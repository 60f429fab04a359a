// How wolfSSL is built to be measured: its portable C, or, with PEER_ASSEMBLY, its assembly for Cortex-M where this
// version has some (P-256). Sizes of words, multiplication in 64 bits and constant time are as it recommends for Cortex-M.
#ifndef PEERS_USER_SETTINGS_H
#define PEERS_USER_SETTINGS_H

#define WOLFCRYPT_ONLY
#define SINGLE_THREADED
#define NO_FILESYSTEM
#define NO_WRITEV
#define NO_ERROR_STRINGS
#define NO_OLD_RNGNAME
#define WOLFSSL_GENERAL_ALIGNMENT 4
#define WOLFSSL_IGNORE_FILE_WARN
#define NO_INLINE_WARNINGS

// Numbers of the curve, and nothing longer.
#define WOLFSSL_SP
#define WOLFSSL_SP_MATH
#define WOLFSSL_HAVE_SP_ECC
#define SP_WORD_SIZE 32
#define HAVE_ECC
#define ECC_USER_CURVES
#define ECC_TIMING_RESISTANT
#define WOLFSSL_SP_NO_DYN_STACK
#ifdef PEER_ASSEMBLY
#define WOLFSSL_SP_ASM
#define WOLFSSL_SP_ARM_CORTEX_M_ASM
#endif

#define HAVE_CURVE25519
#define HAVE_CHACHA
#define HAVE_POLY1305
#define HAVE_AESGCM
#define GCM_TABLE_4BIT
#define NO_AES_192
#define NO_AES_256

#define NO_ASN
#define NO_RSA
#define NO_DSA
#define NO_DH
#define NO_DES3
#define NO_RC4
#define NO_MD4
#define NO_MD5
#define NO_SHA
#define NO_PWDBASED
#define NO_CODING
#define NO_SIG_WRAPPER
#define NO_HMAC
#define WC_NO_HASHDRBG
// Numbers from a fixed sequence: the same in each run.
#define CUSTOM_RAND_GENERATE_BLOCK peer_random
int peer_random(unsigned char *out, unsigned int length);

#endif
