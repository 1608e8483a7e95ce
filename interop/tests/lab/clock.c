/* Preloaded: the time of day is ahead by as many seconds as the file $CLOCK_AHEAD has octets. */
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, id, now);
    const char *name = getenv("CLOCK_AHEAD");
    struct stat file;
    if (result == 0 && id == CLOCK_REALTIME && name != NULL && stat(name, &file) == 0)
        now->tv_sec += file.st_size;
    return result;
}
