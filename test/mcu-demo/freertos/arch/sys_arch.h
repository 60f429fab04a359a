// Types of a port of lwIP to an operating system.
typedef void *sys_sem_t, *sys_mutex_t, *sys_mbox_t, *sys_thread_t;
typedef unsigned sys_prot_t;
