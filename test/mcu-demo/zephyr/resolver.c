// The resolver of the stand-in for Zephyr.
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <zephyr/net/dns_resolve.h>

struct lookup {
  char name[256];
  enum dns_query_type type;
  dns_resolve_cb_t answer;
  void *user_data;
};

static void *look_up(void *argument) {
  struct lookup *each = argument;
  struct addrinfo *found = NULL, hints = {
      .ai_socktype = SOCK_STREAM,
      .ai_family = each->type == DNS_QUERY_TYPE_A ? AF_INET : AF_INET6,
  };
  int error = getaddrinfo(each->name, NULL, &hints, &found);
  for (struct addrinfo *at = error ? NULL : found; at; at = at->ai_next) {
    struct dns_addrinfo info = {.ai_addrlen = at->ai_addrlen};
    memcpy(&info.ai_addr, at->ai_addr, at->ai_addrlen);
    each->answer(DNS_EAI_INPROGRESS, &info, each->user_data);
  }
  each->answer(error ? DNS_EAI_FAIL : DNS_EAI_ALLDONE, NULL, each->user_data);
  if (!error) freeaddrinfo(found);
  free(each);
  return NULL;
}

int dns_get_addr_info(const char *query, enum dns_query_type type, uint16_t *dns_id, dns_resolve_cb_t cb,
                      void *user_data, int32_t timeout) {
  pthread_t thread;
  struct lookup *each = calloc(1, sizeof *each);
  (void)timeout;
  if (!each || strlen(query) >= sizeof each->name) {
    free(each);
    return -1;
  }
  strcpy(each->name, query);
  each->type = type;
  each->answer = cb;
  each->user_data = user_data;
  *dns_id = 1;
  if (pthread_create(&thread, NULL, look_up, each) != 0) {
    free(each);
    return -1;
  }
  return pthread_detach(thread);
}

int dns_cancel_addr_info(uint16_t dns_id) { return dns_id == 1 ? 0 : -1; }
