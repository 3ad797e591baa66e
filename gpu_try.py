import sys, time, json, os
import numpy as np, torch
import adapool
from adapool.cuda.fixed import windows, launch as fl
from adapool.cuda import grids, sliding
from torch.profiler import ProfilerActivity, profile
OUT=os.environ.get('OUT','/tmp')
T0=time.time()
def kernels(call, repeats=8):
    call(); call(); torch.cuda.synchronize()
    with profile(activities=[ProfilerActivity.CUDA]) as found:
        for _ in range(repeats): call()
        torch.cuda.synchronize()
    rows=[(e.key[:60], e.device_time_total/1e3/repeats, e.count/repeats) for e in found.key_averages() if e.device_time_total>0]
    return sum(r[1] for r in rows), sum(r[2] for r in rows), rows
def host(call, n=50):
    call(); torch.cuda.synchronize(); t=time.perf_counter()
    for _ in range(n): call()
    h=(time.perf_counter()-t)/n*1e6; torch.cuda.synchronize(); return h
def show(name, call, want=None, detail=False):
    t=time.time()
    try:
        got=call(); torch.cuda.synchronize()
        first=time.time()-t
        ok=''
        if want is not None:
            for g,w in zip(got if isinstance(got,tuple) else (got,), want if isinstance(want,tuple) else (want,)):
                ok+=' RIGHT' if np.array_equal(g.cpu().numpy(), w, equal_nan=g.is_floating_point()) else ' WRONG'
        k,n,rows=kernels(call)
        print(f'{name:46} {k*1e3:9.1f} us  n {n:4.0f} host {host(call):7.1f} us first {first:5.2f}s{ok}', flush=True)
        if detail:
            for r in sorted(rows,key=lambda r:-r[1]): print(f'        {r[1]*1e3:9.1f} us {r[2]:4.0f}  {r[0]}')
    except Exception as e:
        import traceback; traceback.print_exc(); print(name,'ERROR',repr(e)[:300], flush=True)
def copy_rate():
    a=torch.rand(1<<28,device='cuda'); b=torch.empty_like(a)
    k,_,_=kernels(lambda: b.copy_(a)); print('copy', 2*(1<<30)/k/1e9,'TB/s', flush=True)
def image(*shape, dtype=torch.float32):
    return torch.rand(shape, device='cuda') if dtype==torch.float32 else torch.randint(0,200,shape,device='cuda').to(dtype)
def fixed():
    for side,C in ((4096,1),(1024,64),(1024,3),(256,1)):
        im=image(side,side,C); cpu=im.cpu().numpy()
        for k,s in ((2,2),(5,1),(3,2),(31,1)):
            want=adapool.max_pooling(cpu,k,stride=s) if not (C==64 and k==31) else None
            show(f'max {k}/{s} {side}x{C}', lambda: adapool.max_pooling(im,k,stride=s), want, detail=(k==31))
    im=image(32,1024,1024,1)
    for k,s in ((2,2),(3,1)): show(f'max vol {k}/{s}', lambda: adapool.max_pooling(im,k,stride=s))
    im=image(4096,4096,1); w=image(4096,4096)
    show('attention 5/1', lambda: adapool.attention_pooling(im,5,w,stride=1), adapool.attention_pooling(im.cpu().numpy(),5,w.cpu().numpy(),stride=1), detail=True)
    for dt in (torch.uint8,):
        im=image(4096,4096,1,dtype=dt); show(f'max 5/1 4096 {dt}', lambda: adapool.max_pooling(im,5,stride=1), adapool.max_pooling(im.cpu().numpy(),5,stride=1))
        show(f'max 2/2 4096 {dt}', lambda: adapool.max_pooling(im,2))
def variants():
    im=image(4096,4096,1); im64=image(1024,1024,64)
    base=fl._THREADS
    for once in (2,4,8):
        windows.AT_ONCE=once; windows.pool_columns.cache_clear(); windows.row_maximum.cache_clear()
        for threads in (base//2,base,base*2,base*4):
            fl._THREADS=threads
            for block in (128,256,512):
                grids.BLOCK=block
                res=[]
                for a in (im,im64):
                    for k,s in ((2,2),(5,1)):
                        res.append('%8.1f'%(kernels(lambda: adapool.max_pooling(a,k,stride=s),4)[0]*1e3))
                print('AT_ONCE',once,'threads x%.1f'%(threads/base),'block',block,'2/2 5/1 4096x1, 1024x64:',*res, flush=True)
                if time.time()-T0>float(sys.argv[2]): return
    fl._THREADS=base; grids.BLOCK=256
copy_rate()
for name in sys.argv[1].split(','): globals()[name]()
print('seconds',time.time()-T0)
