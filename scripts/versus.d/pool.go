// SPDX-License-Identifier: MIT
// pool.go - get, touch one byte and put a 1 KiB object of Go's sync.Pool, on one and two threads.
package main

import (
	"flag"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const size = 1024

// Keeps the compiler from proving that an object is not used.
var sink [64]byte

func run(pool *sync.Pool, thread int, count int, done *sync.WaitGroup) {
	defer done.Done()
	for i := 0; i < count; i++ {
		object := pool.Get().(*[size]byte)
		object[0] = byte(i)
		pool.Put(object)
	}
	sink[thread*32] = 1
}

// Nanoseconds of one get and put as one thread sees it.
func measure(threads int, count int) float64 {
	pool := &sync.Pool{New: func() interface{} { return new([size]byte) }}
	var warm, done sync.WaitGroup
	warm.Add(1)
	run(pool, 0, 1000, &warm)
	begun := time.Now()
	for thread := 0; thread < threads; thread++ {
		done.Add(1)
		go run(pool, thread, count, &done)
	}
	done.Wait()
	return float64(time.Since(begun).Nanoseconds()) / float64(count)
}

const (
	places = 1024
	batch  = 128
)

// One producer, one consumer, as in scenarios/micro/handover.h.
type handover struct {
	objects [places]*[size]byte
	_       [128]byte
	put     uint64 // places filled, told once a batch
	_       [128]byte
	taken   uint64 // places emptied, told once a batch
	_       [128]byte
}

func produce(pool *sync.Pool, to *handover, count uint64) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for put, seen := uint64(0), uint64(0); put < count; put++ {
		for put-seen == places {
			if seen = atomic.LoadUint64(&to.taken); put-seen == places {
				runtime.Gosched()
			}
		}
		object := pool.Get().(*[size]byte)
		object[0] = byte(put)
		to.objects[put%places] = object
		if (put+1)%batch == 0 || put+1 == count {
			atomic.StoreUint64(&to.put, put+1)
		}
	}
}

func consume(pool *sync.Pool, from *handover, count uint64) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for taken, seen := uint64(0), uint64(0); taken < count; taken++ {
		for taken == seen {
			if seen = atomic.LoadUint64(&from.put); taken == seen {
				runtime.Gosched()
			}
		}
		pool.Put(from.objects[taken%places])
		if (taken+1)%batch == 0 {
			atomic.StoreUint64(&from.taken, taken+1)
		}
	}
}

// Nanoseconds of one object got on one thread and put on the other.
func cross(count int) float64 {
	pool := &sync.Pool{New: func() interface{} { return new([size]byte) }}
	between := &handover{}
	var done sync.WaitGroup
	done.Add(2)
	begun := time.Now()
	go func() { produce(pool, between, uint64(count)); done.Done() }()
	go func() { consume(pool, between, uint64(count)); done.Done() }()
	done.Wait()
	return float64(time.Since(begun).Nanoseconds()) / float64(count)
}

func main() {
	count := flag.Int("count", 5000000, "pairs of get and put a thread")
	flag.Parse()
	fmt.Printf("%.3f %.3f %.3f\n", measure(1, *count), measure(2, *count), cross(*count))
}
