#include "p256-verify.h"

#include <string.h>

// Little-endian words. Numbers are below their modulus; those of the field and of exponentiations are in Montgomery
// form, a * 2^256 mod m.
enum { WORDS = 8 };
typedef uint32_t number[WORDS];

struct modulus {
  number m;
  uint32_t inverse; // -m^-1 mod 2^32
  number one;       // 2^256 mod m
  number square;    // 2^512 mod m
};

static const number FIELD = {0xffffffff, 0xffffffff, 0xffffffff, 0, 0, 0, 1, 0xffffffff};
static const number ORDER = {0xfc632551, 0xf3b9cac2, 0xa7179e84, 0xbce6faad, 0xffffffff, 0xffffffff, 0, 0xffffffff};
static const uint32_t FIELD_INVERSE = 1, ORDER_INVERSE = 0xee00bc4f;
static const number B = {0x27d2604b, 0x3bce3c3e, 0xcc53b0f6, 0x651d06b0, 0x769886bc, 0xb3ebbd55, 0xaa3a93e7, 0x5ac635d8};
static const number GX = {0xd898c296, 0xf4a13945, 0x2deb33a0, 0x77037d81, 0x63a440f2, 0xf8bce6e5, 0xe12c4247, 0x6b17d1f2};
static const number GY = {0x37bf51f5, 0xcbb64068, 0x6b315ece, 0x2bce3357, 0x7c0f9e16, 0x8ee7eb4a, 0xfe1a7f9b, 0x4fe342e2};

// A point (X / Z^2, Y / Z^3), its coordinates in Montgomery form; Z is 0 at infinity.
struct point {
  number x, y, z;
};

static void from_bytes(number to, const uint8_t from[32]) {
  for (int i = 0; i < WORDS; i++) {
    const uint8_t *at = from + 4 * (WORDS - 1 - i);
    to[i] = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
  }
}

static bool is_zero(const number a) {
  uint32_t any = 0;
  for (int i = 0; i < WORDS; i++) any |= a[i];
  return any == 0;
}

static bool same(const number a, const number b) { return memcmp(a, b, sizeof(number)) == 0; }

static bool is_below(const number a, const number b) {
  for (int i = WORDS - 1; i >= 0; i--)
    if (a[i] != b[i]) return a[i] < b[i];
  return false;
}

// r = a + b; the carry. r may be a or b, as in all below.
static uint32_t plus(number r, const number a, const number b) {
  uint64_t sum = 0;
  for (int i = 0; i < WORDS; i++) {
    sum += (uint64_t)a[i] + b[i];
    r[i] = (uint32_t)sum;
    sum >>= 32;
  }
  return (uint32_t)sum;
}

// r = a - b; the borrow.
static uint32_t minus(number r, const number a, const number b) {
  uint32_t borrow = 0;
  for (int i = 0; i < WORDS; i++) {
    uint64_t difference = (uint64_t)a[i] - b[i] - borrow;
    r[i] = (uint32_t)difference;
    borrow = (uint32_t)(difference >> 32) & 1;
  }
  return borrow;
}

static void add(number r, const number a, const number b, const struct modulus *modulus) {
  if (plus(r, a, b) || !is_below(r, modulus->m)) minus(r, r, modulus->m);
}

static void subtract(number r, const number a, const number b, const struct modulus *modulus) {
  if (minus(r, a, b)) plus(r, r, modulus->m);
}

// r = a * b / 2^256 mod m: Montgomery's product, word by word. What is below 2 m at the end is brought below m.
static void multiply(number r, const number a, const number b, const struct modulus *modulus) {
  uint32_t sum[WORDS + 2] = {0};
  for (int i = 0; i < WORDS; i++) {
    uint64_t carry = 0;
    for (int j = 0; j < WORDS; j++) {
      carry += (uint64_t)a[i] * b[j] + sum[j];
      sum[j] = (uint32_t)carry;
      carry >>= 32;
    }
    carry += sum[WORDS];
    sum[WORDS] = (uint32_t)carry;
    sum[WORDS + 1] = (uint32_t)(carry >> 32);
    uint32_t factor = sum[0] * modulus->inverse;
    carry = (uint64_t)factor * modulus->m[0] + sum[0];
    carry >>= 32;
    for (int j = 1; j < WORDS; j++) {
      carry += (uint64_t)factor * modulus->m[j] + sum[j];
      sum[j - 1] = (uint32_t)carry;
      carry >>= 32;
    }
    carry += sum[WORDS];
    sum[WORDS - 1] = (uint32_t)carry;
    sum[WORDS] = sum[WORDS + 1] + (uint32_t)(carry >> 32);
  }
  memcpy(r, sum, sizeof(number));
  if (sum[WORDS] || !is_below(r, modulus->m)) minus(r, r, modulus->m);
}

static void prepare(struct modulus *modulus, const number m, uint32_t inverse) {
  memcpy(modulus->m, m, sizeof(number));
  modulus->inverse = inverse;
  number power = {1};
  for (int bit = 0; bit < 512; bit++) {
    if (bit == 256) memcpy(modulus->one, power, sizeof power);
    add(power, power, power, modulus);
  }
  memcpy(modulus->square, power, sizeof power);
}

// r = a^-1: a^(m - 2), as m is a prime number. In Montgomery form; r is not a.
static void invert(number r, const number a, const struct modulus *modulus) {
  number exponent;
  memcpy(exponent, modulus->m, sizeof exponent);
  exponent[0] -= 2;
  memcpy(r, modulus->one, sizeof(number));
  for (int bit = 255; bit >= 0; bit--) {
    multiply(r, r, r, modulus);
    if (exponent[bit / 32] >> bit % 32 & 1) multiply(r, r, a, modulus);
  }
}

// p = 2 p, for a curve with a = -3.
static void twice(struct point *p, const struct modulus *field) {
  number delta, gamma, beta, alpha, t;
  multiply(delta, p->z, p->z, field);
  multiply(gamma, p->y, p->y, field);
  multiply(beta, p->x, gamma, field);
  // alpha = 3 (x - delta) (x + delta)
  subtract(alpha, p->x, delta, field);
  add(t, p->x, delta, field);
  multiply(alpha, alpha, t, field);
  add(t, alpha, alpha, field);
  add(alpha, alpha, t, field);
  // z' = 2 y z
  multiply(p->z, p->y, p->z, field);
  add(p->z, p->z, p->z, field);
  // x' = alpha^2 - 8 beta
  add(beta, beta, beta, field);
  add(beta, beta, beta, field); // 4 beta
  multiply(p->x, alpha, alpha, field);
  subtract(p->x, p->x, beta, field);
  subtract(p->x, p->x, beta, field);
  // y' = alpha (4 beta - x') - 8 gamma^2
  subtract(beta, beta, p->x, field);
  multiply(beta, beta, alpha, field);
  multiply(gamma, gamma, gamma, field);
  for (int i = 0; i < 3; i++) add(gamma, gamma, gamma, field);
  subtract(p->y, beta, gamma, field);
}

// p = p + q.
static void accumulate(struct point *p, const struct point *q, const struct modulus *field) {
  if (is_zero(q->z)) return;
  if (is_zero(p->z)) {
    *p = *q;
    return;
  }
  number pz2, qz2, u1, u2, s1, s2, h, r, t;
  multiply(pz2, p->z, p->z, field);
  multiply(qz2, q->z, q->z, field);
  multiply(u1, p->x, qz2, field);
  multiply(u2, q->x, pz2, field);
  multiply(t, qz2, q->z, field);
  multiply(s1, p->y, t, field);
  multiply(t, pz2, p->z, field);
  multiply(s2, q->y, t, field);
  subtract(h, u2, u1, field);
  subtract(r, s2, s1, field);
  if (is_zero(h)) {
    if (is_zero(r))
      twice(p, field);
    else
      memset(p, 0, sizeof *p);
    return;
  }
  multiply(p->z, p->z, q->z, field);
  multiply(p->z, p->z, h, field);
  // u1 h^2 and h^3
  multiply(t, h, h, field);
  multiply(u1, u1, t, field);
  multiply(h, h, t, field);
  // x' = r^2 - h^3 - 2 u1 h^2
  multiply(p->x, r, r, field);
  subtract(p->x, p->x, h, field);
  subtract(p->x, p->x, u1, field);
  subtract(p->x, p->x, u1, field);
  // y' = r (u1 h^2 - x') - s1 h^3
  subtract(u1, u1, p->x, field);
  multiply(u1, u1, r, field);
  multiply(s1, s1, h, field);
  subtract(p->y, u1, s1, field);
}

// y^2 = x^3 - 3 x + b
static bool is_on_curve(const struct point *p, const struct modulus *field) {
  number left, right, t;
  multiply(left, p->y, p->y, field);
  multiply(right, p->x, p->x, field);
  multiply(right, right, p->x, field);
  for (int i = 0; i < 3; i++) subtract(right, right, p->x, field);
  multiply(t, B, field->square, field);
  add(right, right, t, field);
  return same(left, right);
}

bool p256_verify(const uint8_t key[P256_KEY_BYTES], const uint8_t digest[32],
                 const uint8_t signature[P256_SIGNATURE_BYTES]) {
  struct modulus field, order;
  prepare(&field, FIELD, FIELD_INVERSE);
  prepare(&order, ORDER, ORDER_INVERSE);

  number x, y, r, s, e;
  from_bytes(x, key);
  from_bytes(y, key + 32);
  from_bytes(r, signature);
  from_bytes(s, signature + 32);
  from_bytes(e, digest);
  if (!is_below(x, FIELD) || !is_below(y, FIELD)) return false;
  if (is_zero(r) || is_zero(s) || !is_below(r, ORDER) || !is_below(s, ORDER)) return false;
  if (!is_below(e, ORDER)) minus(e, e, ORDER);

  struct point q, g, both, sum = {0};
  multiply(q.x, x, field.square, &field);
  multiply(q.y, y, field.square, &field);
  memcpy(q.z, field.one, sizeof q.z);
  if (!is_on_curve(&q, &field)) return false;
  multiply(g.x, GX, field.square, &field);
  multiply(g.y, GY, field.square, &field);
  memcpy(g.z, field.one, sizeof g.z);
  both = g;
  accumulate(&both, &q, &field);

  // u1 = e / s, u2 = r / s: a factor in Montgomery form makes a plain product.
  number w, u1, u2;
  multiply(s, s, order.square, &order);
  invert(w, s, &order);
  multiply(u1, e, w, &order);
  multiply(u2, r, w, &order);
  for (int bit = 255; bit >= 0; bit--) {
    twice(&sum, &field);
    bool one = u1[bit / 32] >> bit % 32 & 1, two = u2[bit / 32] >> bit % 32 & 1;
    if (one || two) accumulate(&sum, one && two ? &both : one ? &g : &q, &field);
  }
  if (is_zero(sum.z)) return false;

  // The point's x mod n is r: x is r or r + n, compared as X = x Z^2.
  number z2, candidate;
  multiply(z2, sum.z, sum.z, &field);
  for (;;) {
    multiply(candidate, r, field.square, &field);
    multiply(candidate, candidate, z2, &field);
    if (same(candidate, sum.x)) return true;
    if (plus(r, r, ORDER) || !is_below(r, FIELD)) return false;
  }
}
